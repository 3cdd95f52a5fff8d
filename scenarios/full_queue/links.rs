//! How the posts link to each other: the first to the second and third, those to the next four, and so on.

pub(super) fn links(id: i64, posts: i64) -> impl Iterator<Item = i64> {
    [2 * id, 2 * id + 1]
        .into_iter()
        .filter(move |link| *link <= posts)
}
