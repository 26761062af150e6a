//! The pages that are compared for speed: a package list as two stacks print it, and changes spread over it.

/// What differs between the two pages beside spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Nothing,
    /// The text of so many cells.
    Texts(usize),
    /// The target of so many links.
    Attributes(usize),
    /// So many rows are in one page only.
    Rows(usize),
    /// The token of the form.
    Token,
    /// Every row: sorted the other way round.
    Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Php,
    Python,
}

/// The page of `rows` rows, 300 bytes each.
pub fn page(dialect: Dialect, rows: usize, change: Change) -> String {
    let php = dialect == Dialect::Php;
    let either = |old: &'static str, new: &'static str| if php { old } else { new };
    let mut page = String::from(either(
        "<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\" />\n    <title>Packages</title>\n    <link rel='stylesheet' href='/css/a.css' />\n  </head>\n  <body>\n",
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Packages</title>\n<link rel=\"stylesheet\" href=\"/css/a.css\">\n</head>\n<body>\n",
    ));
    page.push_str(either(
        "<div id=\"nav\"><ul>\n  <li><a href=\"/\">Home</a></li>\n  <li><a href=\"/packages/\">Packages</a></li>\n</ul></div>\n",
        "<div id=\"nav\"><ul><li><a href=\"/\">Home</a></li><li><a href=\"/packages/\">Packages</a></li></ul></div>\n",
    ));
    let token =
        if change == Change::Token { "fedcba98765432100123456789abcdef" } else { "0123456789abcdef0123456789abcdef" };
    page.push_str(&format!(
        "<form method=\"post\" action=\"/packages/\"><input type=\"hidden\" name=\"token\" value=\"{token}\"{}>\n<table class=\"results\">\n",
        either(" /", "")
    ));
    let every = |count: usize| (rows / (count + 1)).max(1);
    for at in 0..rows {
        let row = if change == Change::Order { rows - 1 - at } else { at };
        let is_hit = |count: usize| at % every(count) == every(count) - 1 && at / every(count) < count;
        let mut votes = row * 7 % 90;
        let mut target = row;
        match change {
            Change::Texts(count) if is_hit(count) => votes += 1_000,
            Change::Attributes(count) if is_hit(count) => target += 100_000,
            Change::Rows(count) if is_hit(count) => push_row(&mut page, php, 9_999 + at, 1, 9_999),
            _ => {}
        }
        push_row(&mut page, php, row, votes, target);
    }
    page.push_str(either("</table></form>\n<!-- php -->\n</body>\n</html>\n", "</table></form>\n</body>\n</html>\n"));
    page
}

fn push_row(page: &mut String, php: bool, row: usize, votes: usize, target: usize) {
    let class = if row.is_multiple_of(2) { "even" } else { "odd" };
    if php {
        page.push_str(&format!(
            "        <tr class=\"{class}\">\n          <td><input type=\"checkbox\" name=\"IDs[{row}]\" value=\"1\" /></td>\n          <td><a href=\"/packages/?q=package+{target}&amp;SB=n\">package-{row}</a></td>\n          <td>1.{row}-1</td>\n          <td>{votes}</td>\n          <td class=\"wrap\">A library that isn&#039;t &quot;small&quot; &amp; does thing {row}</td>\n        </tr>\n"
        ));
    } else {
        page.push_str(&format!(
            "    <tr class=\"{class}\">\n      <td><input type=\"checkbox\" name=\"IDs[{row}]\" value=\"1\"></td>\n      <td><a href=\"/packages/?q=package%20{target}&amp;SB=n\">package-{row}</a></td>\n      <td>1.{row}-1</td>\n      <td>{votes}</td>\n      <td class=\"wrap\">A library that isn&#39;t &#34;small&#34; &amp; does thing {row}</td>\n    </tr>\n"
        ));
    }
}
