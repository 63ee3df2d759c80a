//! Trouble that is seen coming, and what becomes of it: heat, storage, connections, errors and
//! repairs in place, over real sockets.
mod performance;
