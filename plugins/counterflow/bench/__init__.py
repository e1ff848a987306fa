"""How fast a night is: work in, figures, ratios and a page out.

`measuring` runs things and says what they took; `world` has the exports, homes and CSV files they work on; each module of
`parts` measures one of the promises; `results` keeps what was measured, `targets` says what was promised, `page` and `plot`
write docs/benchmarks.md, `checking` compares ratios with those recorded last. Nothing of the pipeline imports this.
"""
