//! Files that are dropped into the terminal: it types their path, and nothing else, as a line.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use futures::StreamExt;
use futures::stream;
use tokio::io::AsyncReadExt;

use super::{FetchError, File, FileStream, MediaKind, What};

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// The file that a line names; none where it is anything but the path of a file that can be read, looked at or
/// listened to. A bare name is a word, even where there is a file of that name.
pub(super) fn file(line: &str, home: Option<&Path>) -> Option<What> {
    let (path, known) = paths(line, home).into_iter().find_map(|path| {
        let known = std::fs::metadata(&path).ok().filter(Metadata::is_file)?;
        Some((path, known))
    })?;
    let name = path.file_name()?.to_str()?.to_owned();
    Some(What::Media {
        media: sort(&name)?,
        file: File {
            // Whoever fetches it need not stand in the same folder.
            handle: std::path::absolute(&path).ok()?.to_str()?.to_owned(),
            name: Some(name),
            mime: None,
            size: Some(known.len()),
            seconds: None,
        },
        caption: String::new(),
    })
}

/// What a file is by its name, since nothing else tells what it was dropped for: music is dropped as such, and
/// what is recorded to be listened to is Opus in Ogg.
fn sort(name: &str) -> Option<MediaKind> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "png" | "gif" | "webp" => Some(MediaKind::Photo),
        "ogg" | "oga" | "opus" => Some(MediaKind::Voice),
        _ => (File::is_document(name) || File::is_table(name)).then_some(MediaKind::Document),
    }
}

/// The paths that a line may stand for: as it is, and as a shell would read it.
fn paths(line: &str, home: Option<&Path>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if line.starts_with("file://") {
        let address = reqwest::Url::parse(line).ok();
        paths.extend(address.and_then(|address| address.to_file_path().ok()));
        return paths;
    }
    if !line.contains('/') || line.contains('\n') {
        return paths;
    }
    for path in [Some(line.to_owned()), unquoted(line)]
        .into_iter()
        .flatten()
    {
        let at_home = path
            .strip_prefix("~/")
            .and_then(|rest| Some(home?.join(rest)));
        paths.push(at_home.unwrap_or_else(|| path.into()));
    }
    paths
}

/// One word without its quotes and backslashes; none where there are several, or a quote stays open.
fn unquoted(line: &str) -> Option<String> {
    let mut word = String::new();
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None | Some('"'), '\\') => word.push(letters.next()?),
            (None, ' ') => return None,
            (_, _) => word.push(letter),
        }
    }
    quote.is_none().then_some(word)
}

/// Reads a file piece by piece; ends with an error once more than `limit` bytes came.
pub(super) async fn fetch(path: &str, limit: u64) -> Result<FileStream, FetchError> {
    let sorted = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => FetchError::Gone,
        _ => FetchError::Failed(error.to_string()),
    };
    let file = tokio::fs::File::open(path).await.map_err(sorted)?;
    // What is no file any more may never end.
    if !file.metadata().await.map_err(sorted)?.is_file() {
        return Err(FetchError::Gone);
    }
    let pieces = stream::unfold(Some((file, 0_u64)), move |state| async move {
        let (mut file, passed) = state?;
        let mut piece = vec![0; PIECE];
        let count = match file.read(&mut piece).await {
            Ok(0) => return None,
            Ok(count) => count,
            Err(error) => return Some((Err(FetchError::Failed(error.to_string())), None)),
        };
        piece.truncate(count);
        let passed = passed.saturating_add(count as u64);
        if passed > limit {
            return Some((Err(FetchError::TooLarge { limit }), None));
        }
        Some((Ok(piece.into()), Some((file, passed))))
    });
    Ok(pieces.boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_file_as_terminals_paste_it() {
        let folder = std::env::temp_dir().join(format!("toney-dropped-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("sub.pdf")).unwrap();
        for name in ["my deal's.pdf", "plain.md", "song.wav"] {
            std::fs::write(folder.join(name), "words").unwrap();
        }
        let at = |name: &str| format!("{}/{name}", folder.display());
        let said = |line: &str| match super::file(line, Some(&folder)) {
            Some(What::Media {
                media,
                file,
                caption,
            }) => {
                assert_eq!((media, caption.as_str()), (MediaKind::Document, ""));
                assert_eq!(file.size, Some(5));
                assert_eq!(file.handle, at(file.name.as_deref().unwrap()));
                file.name
            }
            other => {
                assert_eq!(other, None);
                None
            }
        };
        for line in [
            at("my deal's.pdf"),
            at(r"my\ deal\'s.pdf"),
            format!("\"{}\"", at("my deal's.pdf")),
            format!("'{}'", at(r"my deal'\''s.pdf")),
            format!("file://{}", at("my%20deal%27s.pdf")),
            "~/my deal's.pdf".to_owned(),
            r"~/my\ deal\'s.pdf".to_owned(),
        ] {
            assert_eq!(said(&line).as_deref(), Some("my deal's.pdf"), "{line}");
        }
        for line in [
            "plain.md".to_owned(),
            at("song.wav"),
            at("sub.pdf"),
            at("nothing.pdf"),
            format!("read {}", at("plain.md")),
            format!("{} {}", at("plain.md"), at("plain.md")),
            format!("{}\n", at("plain.md")),
            format!("'{}", at("plain.md")),
            "/help".to_owned(),
            "and/or".to_owned(),
            "https://example.org/plain.md".to_owned(),
        ] {
            assert_eq!(said(&line), None, "{line}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn pictures_and_recordings_are_known_by_their_names() {
        assert_eq!(sort("Cover.JPG"), Some(MediaKind::Photo));
        assert_eq!(sort("note.oga"), Some(MediaKind::Voice));
        assert_eq!(sort("deal.pdf"), Some(MediaKind::Document));
        assert_eq!(sort("demo.mp3"), None);
    }

    #[tokio::test]
    async fn a_file_is_fetched_within_its_limit() {
        let path = std::env::temp_dir().join(format!("toney-fetched-{}", std::process::id()));
        let path = path.to_str().unwrap();
        std::fs::write(path, vec![7; PIECE + 9]).unwrap();
        let whole = fetch(path, 1 << 20).await.unwrap();
        let whole: Vec<_> = whole.map(Result::unwrap).collect().await;
        assert_eq!(whole.concat(), vec![7; PIECE + 9]);
        let most = u64::try_from(PIECE).unwrap();
        let cut: Vec<_> = fetch(path, most).await.unwrap().collect().await;
        assert!(matches!(
            cut.last(),
            Some(Err(FetchError::TooLarge { limit })) if *limit == most
        ));
        std::fs::remove_file(path).unwrap();
        for gone in [path, "/"] {
            assert!(matches!(fetch(gone, 9).await, Err(FetchError::Gone)));
        }
    }
}
