//! Free text from a device, which is hostile until shown otherwise.

/// Longest text kept, in characters.
pub(crate) const MAX_TEXT: usize = 256;

/// The text without control and direction characters, trimmed and bounded.
pub(crate) fn clean(text: &str) -> String {
    let shown = text.trim().chars().filter(|c| !is_deceptive(*c));
    shown.take(MAX_TEXT).collect()
}

/// [`clean`], with `None` for what is empty then.
pub(crate) fn cleaned(text: &str) -> Option<String> {
    Some(clean(text)).filter(|text| !text.is_empty())
}

/// Control characters, and those that reorder or hide the text around them.
fn is_deceptive(c: char) -> bool {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || hides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_vanish() {
        assert_eq!(clean(" a\u{1b}[31m\u{202e}b\n"), "a[31mb");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(clean(&"é".repeat(5000)).chars().count(), MAX_TEXT);
    }
}
