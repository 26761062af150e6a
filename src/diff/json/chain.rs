//! Two lists in order: which entries of the one can be entries of the other without crossing.

/// An element, with what is needed to find its like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub hash: u64,
    pub node: u32,
    pub index: u32,
}

impl Element {
    pub fn node(&self) -> usize {
        self.node as usize
    }

    pub fn index(&self) -> usize {
        self.index as usize
    }
}

/// Places in a list, sorted by what the elements there mean: equal ones stand together, in order.
///
/// What is sorted are the first bits of each hash with the place behind them: numbers, in one piece of memory. No tape has as many nodes
/// as a place has room for.
pub(super) fn by_hash(list: &[Element]) -> Vec<u32> {
    const PLACE_BITS: u32 = 24;
    const PLACE: u64 = (1 << PLACE_BITS) - 1;
    let hash = |place: u64| list.get((place & PLACE) as usize).map(|element| element.hash);
    let mut keys: Vec<u64> =
        (0..).zip(list).map(|(place, element): (u64, _)| element.hash & !PLACE | place & PLACE).collect();
    keys.sort_unstable();
    for run in keys.chunk_by_mut(|a, b| a & !PLACE == b & !PLACE) {
        // Hashes that begin alike, but are not.
        if !run.is_sorted_by_key(|key| hash(*key)) {
            run.sort_by_key(|key| hash(*key));
        }
    }
    keys.into_iter().map(|key| (key & PLACE) as u32).collect()
}

/// Goes through two lists of [`by_hash`]; `meet` is given the places of each meaning that is on both sides.
pub(super) fn each_common(
    (xs, x_places): (&[Element], &[u32]),
    (ys, y_places): (&[Element], &[u32]),
    mut meet: impl FnMut(&[u32], &[u32]),
) {
    let hash = |list: &[Element], place: Option<&u32>| place.and_then(|at| list.get(*at as usize)).map(|e| e.hash);
    let (mut i, mut j) = (0, 0);
    while let (Some(a), Some(b)) = (hash(xs, x_places.get(i)), hash(ys, y_places.get(j))) {
        let run = |list: &[Element], places: &[u32], from: usize, of: u64| {
            let rest = places.get(from..).unwrap_or_default();
            rest.iter().take_while(|at| hash(list, Some(at)) == Some(of)).count()
        };
        match a.cmp(&b) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                let (many, more) = (run(xs, x_places, i, a), run(ys, y_places, j, b));
                meet(x_places.get(i..i + many).unwrap_or_default(), y_places.get(j..j + more).unwrap_or_default());
                (i, j) = (i + many, j + more);
            }
        }
    }
}

/// Cells of an alignment table: 64 Ki steps and, at two bytes each, 128 KiB.
pub(super) const MAX_CELLS: usize = 1 << 16;

/// Which elements belong together, by their places in the two lists.
pub(super) type Pairs = Vec<(u32, u32)>;

/// The chain of pairs, in order on both sides, of the greatest sum; pairs worth nothing are left out.
pub(super) fn best_chain(rows: usize, columns: usize, worth: impl Fn(usize, usize) -> f64) -> Pairs {
    if rows == 0 || columns == 0 {
        return Vec::new();
    }
    let width = columns + 1;
    // Sums of the best chain of what is left from (row, column) on, and whether it takes this pair.
    let mut below = vec![0.0_f64; width];
    let mut line = vec![0.0_f64; width];
    let mut takes = vec![0_u8; rows * width];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let at = |cells: &[f64], place: usize| cells.get(place).copied().unwrap_or(0.0);
            let value = worth(row, column);
            let (with, skip_row, skip_column) =
                (value + at(&below, column + 1), at(&below, column), at(&line, column + 1));
            let (best, step) = if value > 0.0 && with >= skip_row && with >= skip_column {
                (with, 1)
            } else if skip_row >= skip_column {
                (skip_row, 2)
            } else {
                (skip_column, 3)
            };
            if let (Some(cell), Some(take)) = (line.get_mut(column), takes.get_mut(row * width + column)) {
                *cell = best;
                *take = step;
            }
        }
        std::mem::swap(&mut below, &mut line);
    }
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    while row < rows && column < columns {
        match takes.get(row * width + column) {
            Some(1) => {
                pairs.push((row as u32, column as u32));
                row += 1;
                column += 1;
            }
            Some(2) => row += 1,
            _ => column += 1,
        }
    }
    pairs
}

/// For arrays too large for a table: elements that occur once on each side, the longest run of them that is in order on both.
pub(super) fn unique_chain((xs, x_places): (&[Element], &[u32]), (ys, y_places): (&[Element], &[u32])) -> Pairs {
    let mut once = Pairs::new();
    each_common((xs, x_places), (ys, y_places), |x_run, y_run| {
        if let ([x], [y]) = (x_run, y_run) {
            once.push((*x, *y));
        }
    });
    once.sort_unstable();
    let anchors = longest_rising(&once);
    drop(once);
    between(xs, ys, &anchors)
}

/// Extends anchors over equal neighbours: repeated elements between them are paired as they come.
fn between(xs: &[Element], ys: &[Element], anchors: &Pairs) -> Pairs {
    let mut pairs = Vec::with_capacity(anchors.len());
    let (mut x, mut y) = (0, 0);
    for &(next_x, next_y) in anchors.iter().chain([&(xs.len() as u32, ys.len() as u32)]) {
        while x < next_x && y < next_y && equal_at(xs, ys, x, y) {
            pairs.push((x, y));
            (x, y) = (x + 1, y + 1);
        }
        let (mut back_x, mut back_y) = (next_x, next_y);
        while back_x > x && back_y > y && equal_at(xs, ys, back_x - 1, back_y - 1) {
            (back_x, back_y) = (back_x - 1, back_y - 1);
        }
        pairs.extend((back_x..next_x).zip(back_y..next_y));
        if (next_x as usize) < xs.len() {
            pairs.push((next_x, next_y));
        }
        (x, y) = (next_x + 1, next_y + 1);
    }
    pairs
}

fn equal_at(xs: &[Element], ys: &[Element], x: u32, y: u32) -> bool {
    matches!((xs.get(x as usize), ys.get(y as usize)), (Some(a), Some(b)) if a.hash == b.hash)
}

/// The longest part of pairs (sorted by the first) that rises in the second too.
fn longest_rising(pairs: &Pairs) -> Pairs {
    // `tops[n]`: index of the pair that ends the best run of length n + 1; `before[i]`: the pair before i in its run.
    const NONE: u32 = u32::MAX;
    let mut tops: Vec<u32> = Vec::new();
    let mut before: Vec<u32> = Vec::with_capacity(pairs.len());
    let second = |at: u32| pairs.get(at as usize).map_or(0, |pair| pair.1);
    for at in 0..pairs.len() as u32 {
        let place = tops.partition_point(|&top| second(top) < second(at));
        before.push(place.checked_sub(1).and_then(|previous| tops.get(previous).copied()).unwrap_or(NONE));
        match tops.get_mut(place) {
            Some(top) => *top = at,
            None => tops.push(at),
        }
    }
    let mut run = Vec::with_capacity(tops.len());
    let mut next = tops.last().copied().unwrap_or(NONE);
    while next != NONE {
        run.extend(pairs.get(next as usize).copied());
        next = before.get(next as usize).copied().unwrap_or(NONE);
    }
    run.reverse();
    run
}
