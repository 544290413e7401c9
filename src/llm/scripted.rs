//! A model that says what a test tells it to, for tests of the chain.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};

use super::catalogue::Entry;
use super::{AnswerStream, Chunk, Error, Finish, Model, Request, Usage};

/// One step of a scripted answer.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Say(&'static str),
    Think,
    Wait(Duration),
    Fail(Error),
    Usage(u64, u64),
    End,
}

/// Answers with its scripts, one per call, the last one for ever.
pub(super) struct Scripted {
    entry: Entry,
    scripts: Mutex<VecDeque<Vec<Step>>>,
    pub(super) asked: Mutex<Vec<Request>>,
}

impl Scripted {
    pub(super) fn new(name: &str, scripts: Vec<Vec<Step>>) -> Self {
        Self {
            entry: Entry {
                price: [super::Cost::from_nanos(10), super::Cost::from_nanos(100)],
                ..Entry::unknown(name)
            },
            scripts: Mutex::new(scripts.into()),
            asked: Mutex::default(),
        }
    }

    /// The same at these prices of a token, in and out.
    pub(super) fn at(mut self, price: [i64; 2]) -> Self {
        self.entry.price = price.map(super::Cost::from_nanos);
        self
    }

    /// Answers like this from here on.
    pub(super) fn answers_with(&self, script: Vec<Step>) {
        *self.scripts.lock().unwrap() = [script].into();
    }

    pub(super) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait::async_trait]
impl Model for Scripted {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error> {
        self.asked.lock().unwrap().push(request.clone());
        let script = {
            let mut scripts = self.scripts.lock().unwrap();
            if scripts.len() > 1 {
                scripts.pop_front().unwrap()
            } else {
                scripts.front().unwrap().clone()
            }
        };
        if let [Step::Fail(error)] = script.as_slice() {
            return Err(error.clone());
        }
        Ok(stream::iter(script)
            .filter_map(|step| match step {
                Step::Say(text) => {
                    futures::future::ready(Some(Ok(Chunk::Text(text.to_owned())))).boxed()
                }
                Step::Think => futures::future::ready(Some(Ok(Chunk::Busy))).boxed(),
                Step::Wait(span) => tokio::time::sleep(span).map(|()| None).boxed(),
                Step::Fail(error) => futures::future::ready(Some(Err(error))).boxed(),
                Step::Usage(tokens_in, tokens_out) => {
                    let usage = Chunk::Usage(Usage {
                        tokens_in,
                        tokens_out,
                        ..Usage::default()
                    });
                    futures::future::ready(Some(Ok(usage))).boxed()
                }
                Step::End => futures::future::ready(Some(Ok(Chunk::End(Finish::Complete)))).boxed(),
            })
            .boxed())
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}
