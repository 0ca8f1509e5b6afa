# %% [markdown]
# # A finding in six cells
# Open this file in an editor that knows `# %%` cells, or start it as it is, in its folder: `python lab_notebook.py`.
# It needs `pip install 'perplab[frames]'`. Sixty accounts and five minutes of a crash keep it quick: what it finds is true of that alone.

# %%
import polars as pl

from perplab.lab import compare, events_of, load_scenario, measure, run

flash = load_scenario("flash")
worst = {"start": "2025-10-10T21:17:00Z", "watch_from": None, "bars": flash.path.bars[5:10]}
crash = flash.override({"path": worst, "population": {"accounts": 60}})

# %% [markdown]
# ## One run
# Everything that happened in it, as tables of events. Prices are in ticks, sizes in lots, money in micro-USD.

# %%
made = run("book_fund_adl", crash, seed=1)
trades = events_of(made, "Traded")
forced = trades.filter(pl.col("liquidation") == 1)
print(f"{made.commands:,} commands; {len(trades):,} trades, {len(forced)} of them by liquidation orders")
print(f"bad debt: {measure(made).losses.bad_debt_usd:,.0f} USD")

# %% [markdown]
# ## A bot of one's own
# dip_buyer.py has the class. As a part of the scenario it meets every design, with the same draws.

# %%
buyers = {
    "class": "dip_buyer.py:DipBuyer", "count": 5, "cohort": "dip_buyers", "capital_usd": 5e5, "hears_ms": 50, "orders_ms": 20,
    "terms": {"below": [0.92, 0.97], "above": 0.97, "usd": 1e6},
}  # fmt: skip
crash = crash.override({"agents": [buyers]})

# %% [markdown]
# ## Two designs on six seeds
# Six is the least with which a difference can be told from chance at all.

# %%
results = compare(["book_fund_adl", "social_only"], crash, seeds=6, insured=False)
print(results)

# %% [markdown]
# ## A finding, with its interval
# The mean of the paired differences, an interval of it, and a verdict that is corrected for the number of metrics.

# %%
keys = ["losses.total_usd", "losses.fund_usd", "adl.positions", "stress.short_bp", "flow.commands"]
found = results.summary().filter((pl.col("venue") == "social_only") & pl.col("metric").is_in(keys))
for key, mean, low, high, verdict in found.select("metric", "mean_difference", "low", "high", "verdict").iter_rows():
    print(f"{key:<17} {mean:>+14,.2f}  [{low:>+14,.2f}, {high:>+14,.2f}]  {verdict}")

# %% [markdown]
# ## Who won
# By cohort, the bots among them: means over the seeds.

# %%
won = results.cohorts().filter(pl.col("by") == "cohort").group_by("bucket", "venue").agg(pl.col("gain_usd").mean())
table = won.pivot("venue", index="bucket", values="gain_usd", sort_columns=True).sort("bucket")
print("M USD".ljust(18), *(name.rjust(14) for name in table.columns[1:]))
for cohort, *gains in table.iter_rows():
    print(cohort.ljust(18), *(f"{gain / 1e6:>+14.2f}" for gain in gains))
