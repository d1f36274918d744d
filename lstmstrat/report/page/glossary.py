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
        "such histories, and with several strategies all their intervals together do. If it holds 0, the "
        "difference may be luck."
    ),
    "total return": ("What the account gained from the first close to the last, as a part of its beginning."),
    "volatility": ("How far the returns of the account spread around their mean, by the year."),
    "CAGR": ("Growth by the year: the steady yearly return that makes the same end value."),
    "worst fall": (
        "The deepest loss from a highest value to the lowest before that height came back (maximum drawdown)."
    ),
    "exposure": ("Mean part of the account that is invested, shorts counted as positive."),
    "round trip": (
        "From the first share bought, or sold short, to the last given back; one that is still open counts."
    ),
    "Sortino": ("As the Sharpe ratio, but only the downs are counted in what the mean return is divided by."),
    "Calmar": ("Growth by the year divided by the worst fall."),
    "hit rate": ("The share of closed round trips that gained; of a forecast, the share with the right sign."),
    "profit factor": ("What the round trips gained in all, divided by what they lost in all."),
    "orders refused": ("Orders that the broker did not take, for want of cash or margin."),
    "CAGR difference": ("Growth by the year minus that of holding, with its 95% interval."),
    "fall difference": ("Worst fall minus that of holding, with its 95% interval; above 0 is the smaller fall."),
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
    "chance above 0": ("The probability that the true Sharpe ratio is above 0, whatever holding did."),
    "published deflated Sharpe": (
        "The deflated Sharpe ratio as its inventors published it, by how much the tries differ. It decides "
        "nothing here."
    ),
    "best by luck": (
        "The Sharpe ratio that the best of all tries in the ledger would have if none had any skill. The more "
        "were tried, the higher it is."
    ),
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
    "delay": ("How much its Sharpe ratio would change if every order were filled one bar later."),
    "checks": (
        "The checks that decide: prices, features, training labels, holding, fills and cash, cut bars, stale "
        "prices, results too good to be true. Other checks warn, and decide nothing."
    ),
    "correlation": ("How far two series move together: 1 is always, 0 not at all, below 0 against each other."),
    "this run minus it": (
        "The Sharpe ratio on the forecast of this run minus that on this one, and its 95% interval."
    ),
    "worst 5%": ("The return below which 5 of 100 bars are (value at risk), and the mean of those bars."),
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

OF_A_UNIVERSE = {
    "holding": (
        "An equal part of the account in every member of the universe, brought back to equal parts at every "
        "session. It pays the same costs as the portfolio."
    ),
    "exposure": (
        "Mean part of the account that is net in the market, long less short, without its sign. How much is held "
        "long and short together is the gross exposure."
    ),
    "gross exposure": ("Long and short holdings added up, as parts of the account: 200% are 100% on each side."),
    "members": (
        "The assets that belong to the universe at a session and have a bar there that may be used. Only they are "
        "scored, traded and compared."
    ),
    "session": ("A time at which any asset of the universe has a bar: of daily prices a trading day."),
    "score": (
        "What the model says of an asset at a session. Only the order counts: a higher score says a higher return "
        "than the others have."
    ),
    "rank correlation": (
        "Do assets with a higher score have a higher return afterwards? The assets of a session are ranked by "
        "both: 1 is the same order, 0 none, -1 the reverse. The mean over all sessions is shown (rank IC). Of "
        "daily returns, 0.02 is good and 0.1 too good to be true."
    ),
    "t": (
        "How many standard errors a mean is away from 0. Without any skill it is beyond 2 in one case of twenty; "
        "of ten rows, one or two may be."
    ),
    "right side of the middle": (
        "The share of assets whose score and return are both above the middle of the session, or both below it."
    ),
    "ICIR": ("The mean rank correlation divided by how far it changes from session to session."),
    "lag": (
        "Sessions between the score and the return. A signal that is gone after one session must be traded at "
        "once, and costs the most."
    ),
    "tenth": (
        "At each session the assets are sorted by their scores into parts of equal number, tenths if there are "
        "enough. If the scores know something, what the parts earn rises from the first to the last."
    ),
    "bp": ("Basis point: a hundredth of a percent."),
    "hold until": (
        "A holding stays while its score is among this part of the best, or for shorts of the worst. More "
        "patience trades less, and what is held is a little less fresh."
    ),
    "break-even": (
        "The cost of a trade, each way, at which the best and the worst part together earn nothing. Below it they "
        "gain, above it they lose."
    ),
    "turnover a session": ("Value bought and sold at a session, in account values."),
    "usual score": (
        "The mean of all earlier scores of an asset. Prices of those that are still there today flatter a model "
        "that always prefers the same assets; they flatter one that changes its mind much less."
    ),
    "quarantine": (
        "Bars of an asset that are not used after a price that cannot be true: it is neither learned from nor "
        "traded, and a holding is closed at the last good close."
    ),
    "pool": ("What one model learns from: all assets of the universe, those of one group, or one asset alone."),
    "relation": (
        "What is learned: the return itself, or the return beside the other members of the session, such as its "
        "rank."
    ),
    "fold": ("The sessions from one training to the next."),
}
"""The terms of a universe, and those that mean something else there."""

ALL = GLOSSARY | OF_A_UNIVERSE
"""The glossary of the page of a universe."""
