"""Many LSTMs as one batch: the only package with torch in it.

A slice is one network: one member of the ensemble of one fold. All slices of a batch lie along the leading
dimension of every tensor, so one batched matrix product serves them all, and slice g never meets slice k.

    values.py     what goes in (TrainingSlice) and what comes out (Fitted); no torch, so reading a cache is quick
    network.py    forward and gradient of G stacked LSTMs
    training.py   fit and predict

A product of G slices gives each slice the same bits whoever its batch-mates are, for every even G up to 32
(tests hold it), while a G of 1 or another number of rows may not. So units and rows are padded to a fixed shape
and G to an even number; that is what lets folds be trained in any grouping.
"""
