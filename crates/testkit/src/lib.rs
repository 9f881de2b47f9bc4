//! What tests share: private databases, tokens, a service under test.
