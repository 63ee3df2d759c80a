//! Programs that embed `encoder-core`: `quickstart`, `custom_driver`, `custom_balancer`.
//!
//! Each is one file at the root of this package, to be read from top to bottom and copied. The
//! server beside them is a package of its own.
