//! Messages of the wire protocol, as far as a router has to look into them:
//! <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>.

use std::io;

use mongodb::bson::{RawDocument, RawDocumentBuf};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const OP_MSG: i32 = 2013;
const HEADER: usize = 16;
/// The longest message that a server takes: 48,000,000 bytes.
const LONGEST: usize = 48_000_000;

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 1 << 1;
const EXHAUST_ALLOWED: u32 = 1 << 16;

/// One `OP_MSG`, without its checksum: all of its documents may be changed.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) request_id: i32,
    response_to: i32,
    flags: u32,
    /// The section of kind 0: the command, or the reply.
    pub(crate) body: RawDocumentBuf,
    /// The sections of kind 1, as they came.
    sequences: Vec<u8>,
}

impl Message {
    /// A command for the node at the other end.
    pub(crate) fn command(body: RawDocumentBuf) -> Self {
        Self {
            request_id: 1,
            response_to: 0,
            flags: 0,
            body,
            sequences: Vec::new(),
        }
    }

    /// A reply to this message.
    pub(crate) fn reply(&self, body: RawDocumentBuf) -> Self {
        Self {
            request_id: self.request_id,
            response_to: self.request_id,
            ..Self::command(body)
        }
    }

    /// Whether the sender expects no reply.
    pub(crate) fn is_unacknowledged(&self) -> bool {
        self.flags & MORE_TO_COME != 0
    }

    /// Takes back the sender's consent to several replies.
    pub(crate) fn forbid_exhaust(&mut self) {
        self.flags &= !EXHAUST_ALLOWED;
    }

    /// The next message; `None` at the end of the stream between two messages.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER];
        match from.read_exact(&mut header).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let length = usize::try_from(int(&header)?).map_err(io::Error::other)?;
        if !(HEADER..=LONGEST).contains(&length) {
            return Err(malformed("its length"));
        }
        let mut rest = vec![0; length - HEADER];
        from.read_exact(&mut rest).await?;
        if int(&header[12..])? != OP_MSG {
            return Err(malformed("its kind: this router knows OP_MSG alone"));
        }
        Self::parse(int(&header[4..])?, int(&header[8..])?, &rest).map(Some)
    }

    fn parse(request_id: i32, response_to: i32, rest: &[u8]) -> io::Result<Self> {
        let flags = u32::from_le_bytes(int(rest)?.to_le_bytes());
        let end = if flags & CHECKSUM_PRESENT == 0 {
            rest.len()
        } else {
            rest.len().saturating_sub(4)
        };
        let mut sections = rest.get(4..end).ok_or_else(|| malformed("its end"))?;
        let mut body = None;
        let mut sequences = Vec::new();
        while let Some((&kind, section)) = sections.split_first() {
            let length = usize::try_from(int(section)?).map_err(io::Error::other)?;
            let content = section.get(..length);
            let content = content.ok_or_else(|| malformed("a section"))?;
            match kind {
                0 => {
                    let document = RawDocument::from_bytes(content).map_err(io::Error::other)?;
                    body = Some(document.to_raw_document_buf());
                }
                _ => sequences.extend_from_slice(&sections[..=length]),
            }
            sections = &section[length..];
        }
        Ok(Self {
            request_id,
            response_to,
            flags: flags & !CHECKSUM_PRESENT,
            body: body.ok_or_else(|| malformed("its document"))?,
            sequences,
        })
    }

    pub(crate) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let body = self.body.as_bytes();
        let length = HEADER + 4 + 1 + body.len() + self.sequences.len();
        let length = i32::try_from(length).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        for number in [length, self.request_id, self.response_to, OP_MSG] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.flags.to_le_bytes());
        bytes.push(0);
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&self.sequences);
        to.write_all(&bytes).await
    }
}

fn int(bytes: &[u8]) -> io::Result<i32> {
    let bytes = bytes.get(..4).and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(i32::from_le_bytes)
        .ok_or_else(|| malformed("its end"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::other(format!("a message cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

    use super::*;

    async fn there_and_back(message: &Message) -> Message {
        let mut bytes = Vec::new();
        message.write(&mut bytes).await.unwrap();
        Message::read(&mut &bytes[..]).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn sequences_stay_as_they_are() {
        let sequence = rawdoc! { "_id": 1 };
        let mut message = Message::command(rawdoc! { "insert": "locks", "$db": "app" });
        message.sequences.push(1);
        let length = 4 + "documents\0".len() + sequence.as_bytes().len();
        let length = i32::try_from(length).unwrap();
        message.sequences.extend_from_slice(&length.to_le_bytes());
        message.sequences.extend_from_slice(b"documents\0");
        message.sequences.extend_from_slice(sequence.as_bytes());
        let read = there_and_back(&message).await;
        assert_eq!(read.sequences, message.sequences);
        assert_eq!(read.body, message.body);
    }

    #[tokio::test]
    async fn a_checksum_is_dropped_with_its_flag() {
        let message = Message::command(rawdoc! { "ping": 1 });
        let mut bytes = Vec::new();
        message.write(&mut bytes).await.unwrap();
        bytes.extend_from_slice(&[1, 2, 3, 4]);
        let length = i32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[HEADER] |= 1;
        let read = Message::read(&mut &bytes[..]).await.unwrap().unwrap();
        assert_eq!(read.body, message.body);
        assert_eq!(read.flags, 0);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error() {
        let mut bytes = Vec::new();
        let message = Message::command(rawdoc! { "ping": 1 });
        message.write(&mut bytes).await.unwrap();
        let mut compressed = bytes.clone();
        compressed[12..16].copy_from_slice(&2012_i32.to_le_bytes());
        Message::read(&mut &compressed[..]).await.unwrap_err();
        Message::read(&mut &bytes[..bytes.len() - 1])
            .await
            .unwrap_err();
        assert!(Message::read(&mut &bytes[..0]).await.unwrap().is_none());
    }
}
