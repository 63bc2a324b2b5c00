"""The store's versions, one file each: how the tables of one become those of the next.

A revision is never changed once a store has it. What it says of tables is written out, because
`reports.schema` moves on.
"""
