//! AJA.
