"""How a chart looks, light and dark, large and small. Every selector is bound to the chart's own prefix."""

STYLE = """
.muc{--muc-paper:#fff;--muc-ink:#171a21;--muc-muted:#596070;--muc-dot:#8d95a5;--muc-faint:#c3c8d2;
--muc-hair:#e6e8ed;--muc-accent:#2a3fce;
font-family:-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",system-ui,sans-serif;
font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){.muc{--muc-paper:#0f1116;--muc-ink:#eceef3;--muc-muted:#a3abbb;
--muc-dot:#7d8698;--muc-faint:#485063;--muc-hair:#242934;--muc-accent:#9db0ff}}
:root[data-theme="light"] .muc{--muc-paper:#fff;--muc-ink:#171a21;--muc-muted:#596070;--muc-dot:#8d95a5;
--muc-faint:#c3c8d2;--muc-hair:#e6e8ed;--muc-accent:#2a3fce}
:root[data-theme="dark"] .muc{--muc-paper:#0f1116;--muc-ink:#eceef3;--muc-muted:#a3abbb;--muc-dot:#7d8698;
--muc-faint:#485063;--muc-hair:#242934;--muc-accent:#9db0ff}
.muc text{font-size:12px;fill:var(--muc-muted)}
.muc .muc-title{font-size:15px;font-weight:650;fill:var(--muc-ink)}
.muc .muc-value{font-size:15px;font-weight:650}
.muc .muc-note{paint-order:stroke;stroke:var(--muc-paper);stroke-width:5px;stroke-linejoin:round}
.muc .muc-ink{fill:var(--muc-ink)}
.muc .muc-lit{fill:var(--muc-accent)}
.muc-paper{fill:var(--muc-paper)}
.muc-wash{fill:var(--muc-accent);opacity:.045}
.muc-interval{fill:var(--muc-accent);opacity:.16}
.muc line,.muc polyline{fill:none;stroke:var(--muc-hair);stroke-width:1}
.muc .muc-axis{stroke:var(--muc-faint)}
.muc .muc-change{stroke:var(--muc-ink);stroke-width:1.25}
.muc .muc-environment{stroke:var(--muc-muted);stroke-dasharray:3 4}
.muc .muc-median-before{stroke:var(--muc-muted);stroke-width:2}
.muc .muc-median-after{stroke:var(--muc-accent);stroke-width:2.5}
.muc .muc-bound{stroke:var(--muc-accent);stroke-opacity:.6}
.muc .muc-reference{stroke:var(--muc-muted);stroke-dasharray:1 4;stroke-linecap:round}
.muc .muc-leader{stroke:var(--muc-faint)}
.muc-earlier{fill:var(--muc-faint)}
.muc-before{fill:var(--muc-dot)}
.muc-after{fill:var(--muc-accent)}
.muc-dense circle{fill-opacity:.5}
@media (max-width:520px){.muc text{font-size:19px}.muc .muc-title,.muc .muc-value{font-size:20px}
.muc .muc-wide{display:none}.muc circle{r:4px}.muc .muc-dense circle{r:3px}}
""".strip()
