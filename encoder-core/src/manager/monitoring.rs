//! What the manager's monitors found out, and what they may be told.

use super::Manager;

impl Manager {}
