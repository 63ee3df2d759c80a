//! `/clips`: what was recorded.

use axum::http::Method;
use serde_json::json;

use super::{Asked, Reply};
use crate::simulator::device::Device;

pub(super) fn answer(device: &Device, asked: &Asked) -> Reply {
    match (&asked.method, asked.param("action")) {
        (&Method::GET, Some("get_clips")) => Reply::serialized(&json!({"clips": device.clips()})),
        (&Method::GET, Some("get_playlists")) => Reply::serialized(&json!({"playlists": []})),
        (&Method::POST, Some("delete")) => delete(device, asked),
        _ => Reply::page(400),
    }
}

fn delete(device: &Device, asked: &Asked) -> Reply {
    match (asked.param("recdest"), asked.param("clipname")) {
        (Some("0"), Some(name)) => {
            device.delete_clips(name);
            Reply::json(b"{}".to_vec())
        }
        _ => Reply::page(400),
    }
}
