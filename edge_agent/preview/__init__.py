"""For people who watch: a page for the mechanic at the bus, drawn frames of a recording at a desk."""
