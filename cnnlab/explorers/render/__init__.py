"""What the explorers show, one module a topic: a `State` says what the controls hold, `render` gives the `Result`; no widgets here."""
