//! The driver of a talk: asks a model, shows the answer while it grows, and listens for what comes
//! meanwhile.

use std::time::Duration;

use anyhow::anyhow;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::jobs::{Work, Worker};
use crate::llm::{self, Heard, Persona, Place, Request, Task};
use crate::model::{Button, Content, Failure, Inbound, Job_, Setting, phrases};
use crate::store::{Change, Job, Role};
