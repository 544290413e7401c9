//! The encoder of BERT, one text at a time: all of MiniLM, BGE and their kin.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{D, DType, Device, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, Module, VarBuilder, embedding, layer_norm, linear};
use serde::Deserialize;

use crate::llm::settings::Pooling;

/// What `config.json` says about the model.
#[derive(Debug, Deserialize)]
struct Config {
    hidden_size: usize,
    intermediate_size: usize,
    layer_norm_eps: f64,
    max_position_embeddings: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    type_vocab_size: usize,
    vocab_size: usize,
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// A model in RAM.
pub(super) struct Bert {
    words: Embedding,
    places: Embedding,
    kinds: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
    longest: usize,
}

struct Layer {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    joined: Linear,
    joined_norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl Bert {
    /// Reads `config.json` and `model.safetensors` of a folder.
    pub(super) fn load(folder: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(folder.join("config.json")).context("Reading config.json")?;
        let config: Config = serde_json::from_str(&text).context("Reading config.json")?;
        ensure!(
            config.hidden_act == "gelu" && config.position_embedding_type == "absolute",
            "Only the plain form of BERT is known, with gelu and absolute positions"
        );
        let heads = config.num_attention_heads;
        ensure!(
            heads > 0 && config.hidden_size.is_multiple_of(heads),
            "config.json has {heads} heads for {} numbers",
            config.hidden_size
        );
        let tensors =
            candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu)
                .context("Reading model.safetensors")?;
        let vars = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let vars = match vars.contains_tensor("bert.embeddings.word_embeddings.weight") {
            true => vars.pp("bert"),
            false => vars,
        };
        let (size, eps) = (config.hidden_size, config.layer_norm_eps);
        let first = vars.pp("embeddings");
        let layers = 0..config.num_hidden_layers;
        let layers =
            layers.map(|number| Layer::load(&config, vars.pp(format!("encoder.layer.{number}"))));
        Ok(Self {
            words: embedding(config.vocab_size, size, first.pp("word_embeddings"))?,
            places: embedding(
                config.max_position_embeddings,
                size,
                first.pp("position_embeddings"),
            )?,
            kinds: embedding(
                config.type_vocab_size,
                size,
                first.pp("token_type_embeddings"),
            )?,
            norm: layer_norm(size, eps, first.pp("LayerNorm"))?,
            layers: layers.collect::<Result<_>>()?,
            longest: config.max_position_embeddings,
        })
    }

    /// Pieces of a text that it can read at a time.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The vector of one text, from the numbers of its pieces.
    pub(super) fn embed(&self, pieces: &[u32], pooling: Pooling) -> Result<Vec<f32>> {
        let count = u32::try_from(pieces.len())?;
        let pieces = Tensor::new(pieces, &Device::Cpu)?;
        let places = Tensor::arange(0, count, &Device::Cpu)?;
        let kinds = pieces.zeros_like()?;
        let sum = (self.words.forward(&pieces)? + self.places.forward(&places)?)?;
        let mut text = self.norm.forward(&(sum + self.kinds.forward(&kinds)?)?)?;
        for layer in &self.layers {
            text = layer.forward(&text)?;
        }
        let pooled = match pooling {
            Pooling::Mean => text.mean(0)?,
            Pooling::Cls => text.get(0)?,
        };
        Ok(pooled.to_vec1()?)
    }
}

impl Layer {
    fn load(config: &Config, vars: VarBuilder<'_>) -> Result<Self> {
        let (size, wide, eps) = (
            config.hidden_size,
            config.intermediate_size,
            config.layer_norm_eps,
        );
        let attention = vars.pp("attention");
        let (own, output) = (attention.pp("self"), attention.pp("output"));
        Ok(Self {
            heads: config.num_attention_heads,
            query: linear(size, size, own.pp("query"))?,
            key: linear(size, size, own.pp("key"))?,
            value: linear(size, size, own.pp("value"))?,
            joined: linear(size, size, output.pp("dense"))?,
            joined_norm: layer_norm(size, eps, output.pp("LayerNorm"))?,
            wide: linear(size, wide, vars.pp("intermediate.dense"))?,
            narrow: linear(wide, size, vars.pp("output.dense"))?,
            norm: layer_norm(size, eps, vars.pp("output.LayerNorm"))?,
        })
    }

    /// `text` is pieces × numbers.
    fn forward(&self, text: &Tensor) -> Result<Tensor> {
        let (query, key) = (self.split(&self.query, text)?, self.split(&self.key, text)?);
        let size = query.dim(D::Minus1)? as f64;
        let near = (query.matmul(&key.t()?)? / size.sqrt())?;
        let near = candle_nn::ops::softmax_last_dim(&near)?;
        let seen = near.matmul(&self.split(&self.value, text)?)?;
        let seen = seen.transpose(0, 1)?.flatten_from(1)?;
        let text = self
            .joined_norm
            .forward(&(self.joined.forward(&seen)? + text)?)?;
        let thought = self
            .narrow
            .forward(&self.wide.forward(&text)?.gelu_erf()?)?;
        Ok(self.norm.forward(&(thought + &text)?)?)
    }

    /// Heads × pieces × numbers of a head.
    fn split(&self, by: &Linear, text: &Tensor) -> Result<Tensor> {
        let (pieces, size) = text.dims2()?;
        let split = by
            .forward(text)?
            .reshape((pieces, self.heads, size / self.heads))?;
        Ok(split.transpose(0, 1)?.contiguous()?)
    }
}
