"""The terms of the page, each in a sentence or two."""

from __future__ import annotations

GLOSSARY = {
    "holding": (
        "Buying the asset at the first possible open with all the cash, and never selling. It pays the same "
        "costs as every strategy."
    ),
    "Sharpe": (
        "Mean return divided by its ups and downs, by the year. Twice the ratio is the same gain with half of"
        " the ups and downs. Holding a share has had 0.3 to 0.6 in most decades."
    ),
    "Sharpe difference": (
        "The Sharpe ratio of the strategy minus that of holding. The interval holds the truth in 95 of 100 "
        "such histories; if it holds 0, the difference may be luck."
    ),
    "CAGR": ("Growth by the year: the steady yearly return that makes the same end value."),
    "worst fall": (
        "The deepest loss from a highest value to the lowest before that height came back (maximum drawdown)."
    ),
    "exposure": ("Mean part of the account that is invested, shorts counted as positive."),
    "turnover": ("Value bought and sold in a year, in account values. Changing everything once is 2."),
    "adjusted p": (
        "How often a strategy that is no better would differ as much by luck, counted for all strategies of "
        "the run together. Below 0.05 counts as shown."
    ),
    "deflated Sharpe": (
        "The chance that the best of as many tries as the ledger has, all without skill, has a lower Sharpe "
        "ratio. An edge needs more than 0.95."
    ),
    "deflated lead": ("The same for the lead over holding."),
    "deflated timing": ("The same for the choice of the days on which it was invested."),
    "timing p": ("The share of its own holdings in random order that did at least as well."),
    "shuffles": ("The strategy's own holdings in random order: as much in the market, at other times."),
    "null worlds": (
        "Histories with the ups and downs of the prices and nothing to forecast. The whole run is repeated on"
        " each."
    ),
    "seeds": ("The same run with other random numbers. A result that one seed has and another has not is luck."),
    "walk-forward": (
        "The model is trained anew again and again, each time on bars that were known by then, and forecasts "
        "only bars that came after."
    ),
    "fold": ("The bars from one training to the next."),
    "cutoff": ("The newest bar whose outcome the training of a fold knew."),
    "spread": ("How far the networks of a fold disagree, as a return."),
    "distance": (
        "How far the inputs of a bar lie outside of what the training had seen, in its units; 0 is inside."
    ),
    "R2": ("The share of the squared outcomes that the forecast explains. Of daily returns 0.01 would be much."),
    "Clark-West": ("A test whether a forecast has any signal beside a simpler one. Below 0.05 counts as shown."),
    "beta": ("How far the account moves with holding: 0.5 is half of each move."),
    "alpha": ("Growth by the year that the moves of holding do not explain."),
    "information ratio": ("Mean lead over holding divided by its ups and downs, by the year."),
    "time under water": ("The share of the closes below the highest account value so far."),
    "net exposure": (
        "Mean part of the account that is invested, shorts negative. A hold of that part is the fair "
        "comparison for a strategy that is seldom invested."
    ),
    "break-even cost": ("The cost of each trade, each way, at which strategy and holding end with the same."),
    "lead": ("The log return above that of holding. If it comes from one fold or five days, it is one lucky hit."),
    "detectable": (
        "The Sharpe difference that would be shown in 80 of 100 periods of this length. A smaller edge cannot"
        " be seen in so few bars."
    ),
    "look-ahead audit": (
        "The whole run is repeated on prices whose future was changed. A decision that moves has seen the future."
    ),
    "ledger": (
        "A file that remembers every strategy that was ever tried on these prices. The more were tried, the "
        "better the best one looks by luck alone."
    ),
}
"""Each term, and what it means."""
