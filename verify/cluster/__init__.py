"""Runs on a Dask cluster: portions of questions go out as words, outcomes come back as words.

On each Dask worker stands what a run on one machine has: the suite, the local pool, the judge
(`station`). So a backend's results never cross the network, and a sweep's batches, judged where
they were made, come back as a kilobyte each. A backend runs in a child of the Dask worker, as it
would in one of the run; neither the Dask worker nor the submitter loads a plugin's code.

=============  ==================================================================
module         what it is for
=============  ==================================================================
``connection`` ``--cluster``: an address or ``local:N`` -> Dask's client, or why not
``sameness``   what a worker must have in common with the submitter
``portion``    questions of some backends, in words
``plugins``    a plugin's file, by content
``station``    the Dask worker's side
``engine``     the submitter's side: so much under way, what came of it
``suite``      the run: which questions go together, what follows from outcomes
=============  ==================================================================
"""
