//! The driver that a remediator's `run` is lent, as JavaScript calls it.

use encoder_core::{Error, ErrorKind};
use napi_derive::napi;

use crate::errors::guard;
use crate::port::NativePort;

#[napi]
impl NativePort {
    /// Calls a method of the driver that is lent to the call `during`, as a call of its own.
    /// `arguments` is a JSON array.
    ///
    /// # Errors
    /// As an error document, when the system gives no threads. The call fails as that of
    /// [`encoder_core::foreign::LentDriver`] does, with `conflict` once `during` has ended.
    #[napi]
    pub fn drive(
        &self,
        call: u32,
        during: u32,
        method: String,
        arguments: String,
    ) -> napi::Result<()> {
        guard(|| {
            let lent = self.port().questions().lent(during);
            self.port().run(call, async move {
                match lent {
                    Some(driver) => driver.call(&method, arguments).await,
                    None => Err(returned(&method)),
                }
            })
        })
    }
}

fn returned(method: &str) -> Error {
    let message = format!(
        "{}: the driver was lent until `run` ended, and it has",
        method.escape_default()
    );
    Error::new(ErrorKind::Conflict, message)
}
