//! What goes over the wire: the documents of the library, and those that only a server has.

pub use encoder_core::wire::*;

mod audit;
mod bulk;
mod certificate;
mod ingest;
mod key;
mod monitoring;
mod page;
mod performance;
mod span;

pub use audit::*;
pub use bulk::*;
pub use certificate::*;
pub use ingest::*;
pub use key::*;
pub use monitoring::*;
pub use page::*;
pub use performance::*;
pub use span::*;
