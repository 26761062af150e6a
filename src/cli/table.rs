//! A table for people: columns as wide as their widest cell, two spaces between them, numbers to the right.

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Left(&'static str),
    Right(&'static str),
}

impl Column {
    fn title(self) -> &'static str {
        let (Self::Left(title) | Self::Right(title)) = self;
        title
    }

    fn set(self, cell: &str, width: usize) -> String {
        match self {
            Self::Left(_) => format!("{cell:<width$}"),
            Self::Right(_) => format!("{cell:>width$}"),
        }
    }
}

/// The table as text, every line ended. Cells beyond the columns are left out.
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let titles: Vec<String> = columns.iter().map(|column| column.title().to_owned()).collect();
    let lines = || std::iter::once(&titles).chain(rows);
    let width = |index: usize| lines().filter_map(|row| row.get(index)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|index| width(index).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = columns.iter().zip(&widths).zip(row).map(|((column, width), cell)| column.set(cell, *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["rpc".to_owned(), "12".to_owned()], vec!["straße".to_owned(), "1204".to_owned()]];
        expect![[r"
            ROUTE   REQUESTS
            rpc           12
            straße      1204
        "]]
        .assert_eq(&table(&[Column::Left("ROUTE"), Column::Right("REQUESTS")], &rows));
    }
}
