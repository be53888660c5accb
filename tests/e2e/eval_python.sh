#!/bin/bash
# Figures of dsmpi eval beside those of numpy, scipy and scikit-learn on the same arrays: to 1e-4.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
python=/usr/bin/python3
"$python" -c 'import h5py, numpy, scipy, sklearn' 2>/dev/null ||
  skip "needs python3-h5py, python3-numpy, python3-scipy and python3-sklearn"
"$python" "$DSMPI_SOURCE/tests/e2e/eval_python.py" make
"$DSMPI_HELPERS/area_under_curve" scores.h5:/positive scores.h5:/negative >area.txt
expect 0 2 eval samples.h5 --reference reference.h5 --metrics frechet,frechet_shrunk,mmd,kernel --subset 600 --json all.json
expect 0 2 eval samples.h5 --reference reference.h5 --metrics frechet@features --json features.json \
  --features features.h5:/samples --reference-features features.h5:/reference
expect 0 2 eval fields.h5:/samples --reference fields.h5:/reference --metrics spectrum,nearest --json fields.json
"$python" "$DSMPI_SOURCE/tests/e2e/eval_python.py" compare || fail "figures differ"
passed "Frechet distance, AUC, MMD, kernel distance, spectra, neighbours as by numpy, scipy, scikit-learn"
