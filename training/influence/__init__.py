"""Which pictures did it: what each training picture did to a held-out loss, or to one output."""
