//! The oracle program's accounts as other programs see them: layouts, and reading one in place without a call.
//!
//! A board is a 192-byte header and 24-byte slots, little-endian and naturally aligned. The runtime keeps account data
//! 8-aligned. Who writes boards is the program's affair; which publishers to believe is the reader's.
#![no_std]

pub mod board;
pub mod committee;
pub mod read;
