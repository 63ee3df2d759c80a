//! What the server says of itself.

use encoder_core::Manager;
use encoder_server::AppState;
use encoder_server::config::ServerConfig;

use crate::file;

/// The Python and Node clients are made from the file. `UPDATE_VECTORS=1` writes it anew.
#[tokio::test(start_paused = true)]
async fn the_openapi_document_is_that_of_the_vector_file() {
    let manager = Manager::builder().build().await.unwrap();
    let state = AppState::new(manager, ServerConfig::default());
    let document = encoder_server::document(&state);
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    file::assert_is("openapi.json", &text);
}
