//! A file for one child's eyes: it has no name on any disk.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use rustix::fs::{MemfdFlags, memfd_create};

/// Text that a child of the same user reads by [`path`](Self::path) as long as this lives.
#[derive(Debug)]
pub(crate) struct SecretFile(File);

impl SecretFile {
    pub(crate) fn new(text: &str) -> io::Result<Self> {
        let mut file = File::from(memfd_create("preset", MemfdFlags::CLOEXEC)?);
        file.write_all(text.as_bytes())?;
        Ok(Self(file))
    }

    /// Opening it anew starts at the beginning.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}
