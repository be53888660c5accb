#!/bin/bash
# Fashion-MNIST by the quickstart's network: how far its samples are from pictures that it has not seen, in the features of a
# classifier trained here, beside how far as many of the training's pictures are.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
limit=3000 # six minutes in all, if nothing else runs
idx=${DSMPI_FASHION:-/usr/share/datasets/fashion-mnist}
what="Frechet of features, samples / training rows"
if [ ! -e "$idx/train-images-idx3-ubyte.gz" ]; then
  cannot_claim 4 "$what" "no data; install dataset-fashion-mnist"
  skip "the data set is not installed: jobs/install-packages.sh data"
fi
n=1000 # samples

expect 0 1 data import idx "$idx/train-images-idx3-ubyte.gz" --labels "$idx/train-labels-idx1-ubyte.gz" -o train.h5
expect 0 1 data import idx "$idx/t10k-images-idx3-ubyte.gz" --labels "$idx/t10k-labels-idx1-ubyte.gz" -o test.h5

expect 0 2 train "$DSMPI_SOURCE/configs/classifier.yaml" data.file=train.h5 train.threads=1 train.steps=1500 -o classifier
expect 0 2 classify classifier --data test.h5 -o classes.h5 train.threads=1
claim 4 "classifier: accuracy on the test set [%]" "$(sed -n 's/^accuracy \([0-9.]*\) .*/\1/p' said)" ">=" 85

expect 0 2 train "$DSMPI_SOURCE/configs/quick_fashion.yaml" data.file=train.h5 train.threads=1 train.preview_every=0 -o run
expect 0 2 sample run -n "$n" -o samples.h5 train.threads=1

frechet() { # FILE [OPTION...]: of the classifier's features, to those of the test set
  expect 0 2 eval "$1" --reference test.h5 --classifier classifier --metrics frechet@classifier "${@:2}"
  awk '$1 == "frechet@classifier" && $3 == "+-" { print $2 }' said
}
seen=$(frechet train.h5 --rows "0:$n")
drawn=$(frechet samples.h5)
echo "Frechet distance of features to the test set: $drawn; of as many training rows: $seen"
# 1 is what memory or perfection would have. This training has reached 16, a third of it 56; 25 leaves room for the last bits of
# other processors.
claim 4 "$what" "$(awk "BEGIN { print $drawn / $seen }")" "<=" 25
