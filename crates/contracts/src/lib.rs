//! What services say to each other: public events, commands and ports.
