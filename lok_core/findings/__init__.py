"""From what backends say to findings: values in, values out, no I/O."""
