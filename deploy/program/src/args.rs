//! Instruction data, read from the front; the rest must be empty at the end.

use crate::error::OracleError;

pub struct Args<'a>(&'a [u8]);

impl<'a> Args<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub fn bytes<const N: usize>(&mut self) -> Result<&'a [u8; N], OracleError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(OracleError::BadInstruction)?;
        self.0 = rest;
        Ok(head)
    }

    pub fn u8(&mut self) -> Result<u8, OracleError> {
        Ok(self.bytes::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, OracleError> {
        Ok(u16::from_le_bytes(*self.bytes()?))
    }

    pub fn u32(&mut self) -> Result<u32, OracleError> {
        Ok(u32::from_le_bytes(*self.bytes()?))
    }

    pub fn u64(&mut self) -> Result<u64, OracleError> {
        Ok(u64::from_le_bytes(*self.bytes()?))
    }

    /// What is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn end(&self) -> Result<(), OracleError> {
        if self.is_empty() { Ok(()) } else { Err(OracleError::BadInstruction) }
    }
}
