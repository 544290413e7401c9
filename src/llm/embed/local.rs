//! Embedding models that run in this process, on one core, from a folder.
//!
//! The folder holds what a model of the BERT family is published as: `model.safetensors`, `config.json`
//! and `tokenizer.json`. It is read at the first text. Texts are taken one by one, so that a question
//! never waits for more than one passage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Deserialize;
use tokenizers::Tokenizer;
use tokio::sync::{Mutex, OnceCell};

use crate::llm::Error;
use crate::llm::settings::{Pooling, Provider};

use super::bert::Bert;
use super::{WINDOWS, middle, normalised};

/// Pieces that stand before and behind every text.
const FRAME: usize = 2;

/// A model of a folder.
pub(super) struct Local {
    folder: PathBuf,
    pooling: Option<Pooling>,
    loaded: OnceCell<Arc<Loaded>>,
    /// Whoever holds it uses the core.
    core: Mutex<()>,
}

struct Loaded {
    bert: Bert,
    tokenizer: Tokenizer,
    pooling: Pooling,
    /// Pieces of a text that the model was made for.
    window: usize,
    /// One thread, so that the library's own do not take every core.
    pool: ThreadPool,
}

/// `1_Pooling/config.json`, as sentence-transformers write it.
#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize)]
struct Sizes {
    max_seq_length: Option<usize>,
}

impl Local {
    /// The model `id` in the folder of the settings: a folder of that name in it, or that itself.
    pub(super) fn new(settings: &Provider, id: &str) -> Option<Self> {
        let folder = settings.path.as_ref()?;
        let own = folder.join(id);
        let is_model = |folder: &Path| folder.join("model.safetensors").is_file();
        let folder = [own, folder.clone()]
            .into_iter()
            .find(|path| is_model(path))?;
        Some(Self {
            folder,
            pooling: settings.pooling,
            loaded: OnceCell::new(),
            core: Mutex::new(()),
        })
    }

    /// The vectors of these texts, in their order.
    pub(super) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Error> {
        let loaded = self.loaded.get_or_try_init(|| self.load()).await?;
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            let _core = self.core.lock().await;
            let (loaded, text) = (loaded.clone(), text.clone());
            let made = tokio::task::spawn_blocking(move || loaded.embed(&text));
            vectors.push(made.await.map_err(|_| broken("a panic"))??);
        }
        Ok(vectors)
    }

    async fn load(&self) -> Result<Arc<Loaded>, Error> {
        let (folder, pooling) = (self.folder.clone(), self.pooling);
        let loading = tokio::task::spawn_blocking(move || Loaded::read(&folder, pooling));
        let loaded = loading.await.map_err(|_| broken("a panic"))?;
        loaded.map(Arc::new).map_err(|error| {
            tracing::error!(
                error = format!("{error:#}"),
                embed.folder = %self.folder.display(),
                "A local model cannot be read"
            );
            Error::Gone
        })
    }
}

impl Loaded {
    fn read(folder: &Path, pooling: Option<Pooling>) -> Result<Self> {
        let bert = Bert::load(folder)?;
        let mut tokenizer = Tokenizer::from_file(folder.join("tokenizer.json"))
            .map_err(|error| anyhow!("{error}"))
            .context("Reading tokenizer.json")?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| anyhow!("{error}"))?;
        let sizes: Option<Sizes> = read(&folder.join("sentence_bert_config.json"))?;
        let window = sizes.and_then(|sizes| sizes.max_seq_length);
        let published: Option<Published> = read(&folder.join("1_Pooling/config.json"))?;
        let published = published.and_then(|published| match published {
            Published {
                pooling_mode_cls_token: true,
                ..
            } => Some(Pooling::Cls),
            Published {
                pooling_mode_mean_tokens: true,
                ..
            } => Some(Pooling::Mean),
            Published { .. } => None,
        });
        let pooling = pooling
            .or(published)
            .context("How vectors are pooled is not said: set providers.local.pooling")?;
        let longest = bert.longest();
        Ok(Self {
            window: window
                .unwrap_or(longest)
                .clamp(FRAME + 1, longest.max(FRAME + 1)),
            pool: ThreadPoolBuilder::new().num_threads(1).build()?,
            bert,
            tokenizer,
            pooling,
        })
    }

    /// One vector, the middle of the windows of a long text.
    fn embed(&self, text: &str) -> Result<Vec<f32>, Error> {
        let encoded = self.tokenizer.encode_fast(text, true);
        let encoded = encoded.map_err(|_| Error::Nonsense("no pieces"))?;
        let (first, inner, last) = match encoded.get_ids() {
            [first, inner @ .., last] if !inner.is_empty() => (*first, inner, *last),
            _ => return Err(Error::Empty),
        };
        let most = usize::try_from(WINDOWS).unwrap_or(1);
        let count = inner.len().div_ceil(self.window - FRAME).clamp(1, most);
        let share = inner.len().div_ceil(count).min(self.window - FRAME);
        let windows = inner.chunks(share).take(count).map(|window| {
            let pieces: Vec<u32> = [&[first], window, &[last]].concat();
            let made = self.pool.install(|| self.bert.embed(&pieces, self.pooling));
            made.map_err(|_| broken("a failed calculation"))
                .and_then(normalised)
        });
        middle(windows.collect::<Result<Vec<_>, _>>()?.into_iter())
    }
}

/// A JSON file, where there is one.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(
            serde_json::from_slice(&bytes)
                .with_context(|| format!("Reading {}", path.display()))?,
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("Reading {}", path.display())),
    }
}

fn broken(what: &str) -> Error {
    Error::Down(format!("the local model: {what}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU32, Ordering};

    use candle_core::{DType, Device, Tensor};
    use serde_json::json;

    use super::*;

    const SIZE: usize = 8;
    const WIDE: usize = 16;
    const WORDS: [&str; 8] = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "music", "pays", "a", "lot",
    ];

    /// A model of two layers with dice for numbers, in a folder of its own.
    struct Toy(PathBuf);

    impl Toy {
        fn make(pooling: &str, window: usize) -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("toney-toy-{}-{number}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(folder.join("1_Pooling")).unwrap();
            let write = |name: &str, value: serde_json::Value| {
                std::fs::write(folder.join(name), value.to_string()).unwrap();
            };
            write(
                "config.json",
                json!({
                    "hidden_size": SIZE, "intermediate_size": WIDE, "layer_norm_eps": 1e-12,
                    "max_position_embeddings": 12, "num_attention_heads": 2, "num_hidden_layers": 2,
                    "type_vocab_size": 2, "vocab_size": WORDS.len(), "hidden_act": "gelu",
                }),
            );
            write(
                "1_Pooling/config.json",
                json!({
                    "pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean",
                }),
            );
            write(
                "sentence_bert_config.json",
                json!({"max_seq_length": window}),
            );
            let vocabulary: HashMap<_, _> = WORDS.iter().zip(0..).collect();
            write(
                "tokenizer.json",
                json!({
                    "version": "1.0", "truncation": {"direction": "Right", "max_length": 3,
                        "strategy": "LongestFirst", "stride": 0},
                    "padding": null, "added_tokens": [],
                    "normalizer": {"type": "BertNormalizer", "clean_text": true,
                        "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
                    "pre_tokenizer": {"type": "BertPreTokenizer"},
                    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
                    "decoder": null,
                    "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": vocabulary,
                        "continuing_subword_prefix": "##", "max_input_chars_per_word": 100},
                }),
            );
            candle_core::safetensors::save(&tensors(), folder.join("model.safetensors")).unwrap();
            Self(folder)
        }

        fn open(&self, pooling: Option<Pooling>) -> Local {
            let settings = Provider {
                path: Some(self.0.clone()),
                pooling,
                ..Provider::default()
            };
            Local::new(&settings, "toy").unwrap()
        }
    }

    impl Drop for Toy {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn tensors() -> HashMap<String, Tensor> {
        let mut all = HashMap::new();
        let mut add = |name: String, shape: &[usize]| {
            let count: usize = shape.iter().product();
            // Numbers without a pattern, the same in every run.
            let seed = name.len() as f32;
            let numbers: Vec<f32> = (0..count)
                .map(|at| (at as f32 * 12.9898 + seed).sin() * 0.5)
                .collect();
            let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap();
            let is_norm = name.contains("LayerNorm.weight");
            let ones = Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
            all.insert(format!("bert.{name}"), if is_norm { ones } else { tensor });
        };
        for (name, rows) in [("word", WORDS.len()), ("position", 12), ("token_type", 2)] {
            add(
                format!("embeddings.{name}_embeddings.weight"),
                &[rows, SIZE],
            );
        }
        let mut pairs = vec![("embeddings.LayerNorm".to_owned(), vec![SIZE])];
        for layer in 0..2 {
            let shapes = [
                ("attention.self.query", vec![SIZE, SIZE]),
                ("attention.self.key", vec![SIZE, SIZE]),
                ("attention.self.value", vec![SIZE, SIZE]),
                ("attention.output.dense", vec![SIZE, SIZE]),
                ("attention.output.LayerNorm", vec![SIZE]),
                ("intermediate.dense", vec![WIDE, SIZE]),
                ("output.dense", vec![SIZE, WIDE]),
                ("output.LayerNorm", vec![SIZE]),
            ];
            let named = |(name, shape)| (format!("encoder.layer.{layer}.{name}"), shape);
            pairs.extend(shapes.map(named));
        }
        for (name, shape) in pairs {
            add(format!("{name}.weight"), &shape);
            add(format!("{name}.bias"), &shape[..1]);
        }
        all
    }

    async fn vectors(local: &Local, texts: &[&str]) -> Vec<Vec<f32>> {
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        local.embed(&texts).await.unwrap()
    }

    fn near(left: &[f32], right: &[f32]) -> bool {
        left.iter()
            .zip(right)
            .all(|(left, right)| (left - right).abs() < 1e-5)
    }

    #[tokio::test]
    async fn texts_become_vectors_of_length_one() {
        let toy = Toy::make("mean", 12);
        let local = toy.open(None);
        let made = vectors(&local, &["Music pays", "a lot", "music PAYS"]).await;
        for vector in &made {
            let length: f32 = vector.iter().map(|number| number * number).sum();
            assert!(vector.len() == SIZE && (length - 1.0).abs() < 1e-5);
        }
        assert!(near(&made[0], &made[2]) && !near(&made[0], &made[1]));
        assert_eq!(local.embed(&[" ".to_owned()]).await, Err(Error::Empty));
    }

    #[tokio::test]
    async fn pooling_is_what_the_folder_or_the_settings_say() {
        let (mean, cls, none) = (
            Toy::make("mean", 12),
            Toy::make("cls", 12),
            Toy::make("", 12),
        );
        let text = ["music pays a lot"];
        let by_folder = [
            vectors(&mean.open(None), &text).await,
            vectors(&cls.open(None), &text).await,
        ];
        assert!(!near(&by_folder[0][0], &by_folder[1][0]));
        let told = vectors(&mean.open(Some(Pooling::Cls)), &text).await;
        assert!(near(&told[0], &by_folder[1][0]));
        let texts = text.map(String::from);
        assert_eq!(none.open(None).embed(&texts).await, Err(Error::Gone));
    }

    #[tokio::test]
    async fn a_long_text_is_the_middle_of_its_windows() {
        let toy = Toy::make("mean", 6);
        let local = toy.open(None);
        let made = vectors(
            &local,
            &[
                "music pays a lot a a music pays",
                "music pays a lot",
                "a a music pays",
            ],
        )
        .await;
        let middle = middle(made[1..].to_vec().into_iter()).unwrap();
        assert!(near(&made[0], &middle));
    }

    #[tokio::test]
    async fn a_broken_folder_is_said_to_have_no_model() {
        let toy = Toy::make("mean", 12);
        std::fs::write(toy.0.join("model.safetensors"), "nothing").unwrap();
        let texts = ["music".to_owned()];
        assert_eq!(toy.open(None).embed(&texts).await, Err(Error::Gone));
        let nowhere = Provider {
            path: Some(toy.0.join("nowhere")),
            ..Provider::default()
        };
        assert!(Local::new(&nowhere, "toy").is_none());
    }
}
