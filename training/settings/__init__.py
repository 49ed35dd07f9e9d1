"""What can be set, in groups; each group is one options node. Descriptions are the tooltips."""
