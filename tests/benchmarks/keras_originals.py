"""A worker that trains one of three GANs in Keras, as Brownlee's tutorials have them: the GAN and the conditional GAN of
"How to Develop a Conditional GAN (cGAN) From Scratch", and the AC-GAN of "How to Develop an Auxiliary Classifier GAN
(AC-GAN) From Scratch".

    keras_originals.py PICTURES.npz gan|cdcgan|acgan

Written anew from the tutorials' recipes, with their calls, for Keras 3: a combined model whose discriminator is not
trainable, ``predict`` for the fakes, three ``train_on_batch`` calls a step, and a printed line. Runs in an environment
that has Keras and TensorFlow and knows nothing of cganx.

Two things had to change to run at all, or to learn at all, on Keras 3: the arguments are called ``learning_rate`` and
``negative_slope`` there, and the discriminator takes one step before it is frozen inside the combined model, because
Keras 3 builds a model's training function at its first step, and would build one without a trainable weight.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from keras.initializers import RandomNormal
from keras.layers import (
    Activation,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    LeakyReLU,
    Reshape,
)
from keras.models import Model
from keras.optimizers import Adam
from side_by_side import serve, timed

CLASSES, LATENT = 10, 100
CROSS_ENTROPIES = ["binary_crossentropy", "sparse_categorical_crossentropy"]


def adam() -> Adam:
    return Adam(learning_rate=0.0002, beta_1=0.5)


def label_plane(label: Any, side: int, **how: Any) -> Any:
    plane = Embedding(CLASSES, 50)(label)
    plane = Dense(side * side, **how)(plane)
    return Reshape((side, side, 1))(plane)


def dcgan_discriminator(*, told: bool) -> Model:
    image = Input(shape=(28, 28, 1))
    inputs, x = image, image
    if told:
        label = Input(shape=(1,))
        inputs, x = [image, label], Concatenate()([image, label_plane(label, 28)])
    for _ in range(2):
        x = Conv2D(128, (3, 3), strides=(2, 2), padding="same")(x)
        x = LeakyReLU(negative_slope=0.2)(x)
    x = Flatten()(x)
    x = Dropout(0.4)(x)
    x = Dense(1, activation="sigmoid")(x)
    model = Model(inputs, x)
    model.compile(loss="binary_crossentropy", optimizer=adam(), metrics=["accuracy"])
    return model


def dcgan_generator(*, told: bool) -> Model:
    latent = Input(shape=(LATENT,))
    x = Dense(128 * 7 * 7)(latent)
    x = LeakyReLU(negative_slope=0.2)(x)
    x = Reshape((7, 7, 128))(x)
    inputs = latent
    if told:
        label = Input(shape=(1,))
        inputs, x = [latent, label], Concatenate()([x, label_plane(label, 7)])
    for _ in range(2):
        x = Conv2DTranspose(128, (4, 4), strides=(2, 2), padding="same")(x)
        x = LeakyReLU(negative_slope=0.2)(x)
    x = Conv2D(1, (7, 7), activation="tanh", padding="same")(x)
    return Model(inputs, x)


def acgan_discriminator() -> Model:
    init = RandomNormal(stddev=0.02, seed=1)
    image = Input(shape=(28, 28, 1))
    x = image
    for index, (filters, stride) in enumerate(((32, 2), (64, 1), (128, 2), (256, 1))):
        x = Conv2D(filters, (3, 3), strides=(stride, stride), padding="same", kernel_initializer=init)(x)
        if index > 0:
            x = BatchNormalization()(x)
        x = LeakyReLU(negative_slope=0.2)(x)
        x = Dropout(0.5)(x)
    x = Flatten()(x)
    model = Model(image, [Dense(1, activation="sigmoid")(x), Dense(CLASSES, activation="softmax")(x)])
    model.compile(loss=CROSS_ENTROPIES, optimizer=adam())
    return model


def acgan_generator() -> Model:
    init = RandomNormal(stddev=0.02, seed=1)
    label, latent = Input(shape=(1,)), Input(shape=(LATENT,))
    x = Dense(384 * 7 * 7, kernel_initializer=init)(latent)
    x = Activation("relu")(x)
    x = Reshape((7, 7, 384))(x)
    x = Concatenate()([x, label_plane(label, 7, kernel_initializer=init)])
    x = Conv2DTranspose(192, (5, 5), strides=(2, 2), padding="same", kernel_initializer=init)(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
    x = Conv2DTranspose(1, (5, 5), strides=(2, 2), padding="same", kernel_initializer=init)(x)
    return Model([latent, label], Activation("tanh")(x))


def frozen(discriminator: Model) -> None:
    """Not trainable from now on, but for batch norm, which would take its running statistics."""
    for layer in discriminator.layers:
        if not isinstance(layer, BatchNormalization):
            layer.trainable = False


@dataclass(frozen=True)
class Original:
    """A tutorial's networks, and where its labels go."""

    batch: int
    generator: Callable[[], Model]
    discriminator: Callable[[], Model]
    labelled: bool  # the generator is told the label
    told: bool  # the discriminator is told the label
    guesses: bool  # the discriminator says which label

    def combined(self, generator: Model, discriminator: Model) -> Model:
        frozen(discriminator)
        judged = discriminator([generator.output, generator.input[1]] if self.told else generator.output)
        model = Model(generator.input, judged)
        model.compile(loss=CROSS_ENTROPIES if self.guesses else "binary_crossentropy", optimizer=adam())
        return model


ORIGINALS = {
    "gan": Original(128, lambda: dcgan_generator(told=False), lambda: dcgan_discriminator(told=False), False, False, False),
    "cdcgan": Original(128, lambda: dcgan_generator(told=True), lambda: dcgan_discriminator(told=True), True, True, False),
    "acgan": Original(64, acgan_generator, acgan_discriminator, True, False, True),
}


class Training:
    """The tutorial's loop, one step a call."""

    def __init__(self, path: str, original: Original) -> None:
        with np.load(path) as arrays:
            self.images = (arrays["images"].astype("float32") - 127.5) / 127.5
            self.labels = arrays["labels"]
        self.original = original
        self.discriminator = original.discriminator()
        self.generator = original.generator()
        self.parameters = {
            "generator": self.generator.count_params(),
            "discriminator": self.discriminator.count_params(),
        }
        self.learn(*self.real_samples(original.batch // 2), 1.0)
        self.gan = original.combined(self.generator, self.discriminator)
        self.steps_in_epoch = len(self.images) // original.batch
        self.steps = 0

    def real_samples(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = np.random.randint(0, self.images.shape[0], count)
        return self.images[chosen], self.labels[chosen]

    def latent_points(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        latent = np.random.randn(LATENT * count).reshape(count, LATENT)
        return latent, np.random.randint(0, CLASSES, count)

    def given(self, latent: np.ndarray, labels: np.ndarray) -> Any:
        return [latent, labels] if self.original.labelled else latent

    def fake_samples(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        latent, labels = self.latent_points(count)
        return self.generator.predict(self.given(latent, labels)), labels

    def targets(self, labels: np.ndarray, real: float) -> Any:
        sides = np.full((len(labels), 1), real)
        return [sides, labels] if self.original.guesses else sides

    def learn(self, images: np.ndarray, labels: np.ndarray, real: float) -> list[float]:
        """The discriminator's turn."""
        inputs = [images, labels] if self.original.told else images
        return np.atleast_1d(self.discriminator.train_on_batch(inputs, self.targets(labels, real))).tolist()

    def step(self) -> None:
        batch = self.original.batch
        real_losses = self.learn(*self.real_samples(batch // 2), 1.0)
        fake_losses = self.learn(*self.fake_samples(batch // 2), 0.0)
        latent, labels = self.latent_points(batch)
        gan_losses = np.atleast_1d(self.gan.train_on_batch(self.given(latent, labels), self.targets(labels, 1.0)))
        epoch, batch = divmod(self.steps, self.steps_in_epoch)
        losses = f"d1={real_losses[0]:.3f}, d2={fake_losses[0]:.3f} g={gan_losses[0]:.3f}"
        print(f">{epoch + 1}, {batch + 1}/{self.steps_in_epoch}, {losses}")
        self.steps += 1


def changed_by_a_step(training: Training) -> dict[str, bool]:
    """Whether a step moves the weights of each player."""
    players = {"generator": training.generator, "discriminator": training.discriminator}
    before = {name: [weight.copy() for weight in model.get_weights()] for name, model in players.items()}
    training.step()
    return {
        name: any(np.abs(one - two).max() > 0 for one, two in zip(before[name], model.get_weights(), strict=True))
        for name, model in players.items()
    }


def main() -> None:
    # Its progress bars and lines go nowhere, so that no terminal slows them.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        training = Training(sys.argv[1], ORIGINALS[sys.argv[2]])
        learns = changed_by_a_step(training)
    serve(timed(training.step), {"parameters": training.parameters, "learns": learns})


if __name__ == "__main__":
    main()
