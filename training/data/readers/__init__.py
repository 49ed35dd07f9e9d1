"""What the formats of datasets say of their pictures: one file for each, one interface (`said`)."""
