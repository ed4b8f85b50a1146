"""The static site: published episodes and their claim ledgers as a folder of pages.

The data walks one way: `reading` turns an episode and its ledger into a checked page (with `claims`,
`markdown`, `sources`, `charts` and `tables`), `pages` and `feed` turn pages into files, and `folder` puts the files
in place. `build` is the way in.
"""
