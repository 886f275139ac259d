//! Borsh, as far as PNP's arguments, accounts and events need it.

use crate::anchor::Fail;

pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fail> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Fail::InstructionDidNotDeserialize)?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Fail> {
        Ok(self.array::<1>()?[0])
    }

    pub fn bool(&mut self) -> Result<bool, Fail> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Fail::InstructionDidNotDeserialize),
        }
    }

    pub fn u16(&mut self) -> Result<u16, Fail> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Fail> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, Fail> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn string(&mut self) -> Result<&'a str, Fail> {
        let len = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(len).ok_or(Fail::InstructionDidNotDeserialize)?;
        self.0 = rest;
        core::str::from_utf8(head).map_err(|_| Fail::InstructionDidNotDeserialize)
    }

    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fail>) -> Result<Option<T>, Fail> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }
}

/// Writes from the front of a buffer that is long enough; panics where it is not.
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, at: 0 }
    }

    #[inline(never)] // or the programs grow threefold
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        self
    }

    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value as u8)
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn string(&mut self, value: &str) -> &mut Self {
        self.u32(value.len() as u32).bytes(value.as_bytes())
    }

    pub fn optional_key(&mut self, value: &Option<[u8; 32]>) -> &mut Self {
        match value {
            Some(key) => self.u8(1).bytes(key),
            None => self.u8(0),
        }
    }

    pub fn written(self) -> &'a [u8] {
        &self.buffer[..self.at]
    }
}
