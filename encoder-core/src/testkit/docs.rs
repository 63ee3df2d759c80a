//! Pages of documentation that are written by the program they describe.

use std::path::Path;

/// Asserts that the region of that name in a Markdown page is `wanted`. Where the environment has
/// `UPDATE_DOCS=1`, the region is rewritten instead. A region stands between the lines
/// `<!-- begin NAME -->` and `<!-- end NAME -->`.
///
/// # Panics
/// When the page cannot be read or has no such region, and when the region differs.
pub fn assert_region(page: impl AsRef<Path>, name: &str, wanted: &str) {
    let page = page.as_ref();
    let text = std::fs::read_to_string(page).expect("the page can be read");
    let (begin, end) = (
        format!("<!-- begin {name} -->"),
        format!("<!-- end {name} -->"),
    );
    let (before, rest) = text.split_once(&begin).expect("the region begins");
    let (found, after) = rest.split_once(&end).expect("the region ends");
    let wanted = format!("\n\n{}\n\n", wanted.trim());
    if found == wanted {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some_and(|update| update == "1"),
        "{}: the region {name} is out of date; run the test again with UPDATE_DOCS=1",
        page.display()
    );
    let text = [before, &begin, &wanted, &end, after].concat();
    std::fs::write(page, text).expect("the page can be written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_that_is_up_to_date_is_left_alone() {
        let page = tempfile::NamedTempFile::new().unwrap();
        let text = "a\n<!-- begin one -->\n\n| x |\n\n<!-- end one -->\nb\n";
        std::fs::write(page.path(), text).unwrap();
        assert_region(page.path(), "one", "| x |\n");
        assert_eq!(std::fs::read_to_string(page.path()).unwrap(), text);
    }
}
