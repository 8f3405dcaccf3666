"""A worker that trains the conditional GAN of "How to Develop a Conditional GAN (cGAN) From Scratch" in Keras.

    keras_cgan.py PICTURES.npz

Written anew from the tutorial's recipe, with its calls, for Keras 3: a combined model whose discriminator is not
trainable, ``predict`` for the fakes, three ``train_on_batch`` calls a step, and a printed line. Runs in an environment
that has Keras and TensorFlow and knows nothing of cganx.

Two things had to change to run at all, or to learn at all, on Keras 3: the arguments are called ``learning_rate`` and
``negative_slope`` there, and the discriminator takes one step before it is frozen inside the combined model, because
Keras 3 builds a model's training function at its first step, and would build one without a trainable weight.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from keras.layers import (
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

CLASSES, LATENT, BATCH = 10, 100, 128


def define_discriminator() -> Model:
    label = Input(shape=(1,))
    plane = Embedding(CLASSES, 50)(label)
    plane = Dense(28 * 28)(plane)
    plane = Reshape((28, 28, 1))(plane)
    image = Input(shape=(28, 28, 1))
    x = Concatenate()([image, plane])
    x = Conv2D(128, (3, 3), strides=(2, 2), padding="same")(x)
    x = LeakyReLU(negative_slope=0.2)(x)
    x = Conv2D(128, (3, 3), strides=(2, 2), padding="same")(x)
    x = LeakyReLU(negative_slope=0.2)(x)
    x = Flatten()(x)
    x = Dropout(0.4)(x)
    x = Dense(1, activation="sigmoid")(x)
    model = Model([image, label], x)
    model.compile(loss="binary_crossentropy", optimizer=Adam(learning_rate=0.0002, beta_1=0.5), metrics=["accuracy"])
    return model


def define_generator() -> Model:
    label = Input(shape=(1,))
    plane = Embedding(CLASSES, 50)(label)
    plane = Dense(7 * 7)(plane)
    plane = Reshape((7, 7, 1))(plane)
    latent = Input(shape=(LATENT,))
    x = Dense(128 * 7 * 7)(latent)
    x = LeakyReLU(negative_slope=0.2)(x)
    x = Reshape((7, 7, 128))(x)
    x = Concatenate()([x, plane])
    x = Conv2DTranspose(128, (4, 4), strides=(2, 2), padding="same")(x)
    x = LeakyReLU(negative_slope=0.2)(x)
    x = Conv2DTranspose(128, (4, 4), strides=(2, 2), padding="same")(x)
    x = LeakyReLU(negative_slope=0.2)(x)
    x = Conv2D(1, (7, 7), activation="tanh", padding="same")(x)
    return Model([latent, label], x)


def define_gan(generator: Model, discriminator: Model) -> Model:
    discriminator.trainable = False
    latent, label = generator.input
    judged = discriminator([generator.output, label])
    model = Model([latent, label], judged)
    model.compile(loss="binary_crossentropy", optimizer=Adam(learning_rate=0.0002, beta_1=0.5))
    return model


class Training:
    """The tutorial's loop, one step a call."""

    def __init__(self, path: str) -> None:
        with np.load(path) as arrays:
            self.images = (arrays["images"].astype("float32") - 127.5) / 127.5
            self.labels = arrays["labels"]
        self.discriminator = define_discriminator()
        self.generator = define_generator()
        self.parameters = {
            "generator": self.generator.count_params(),
            "discriminator": self.discriminator.count_params(),
        }
        self.discriminator.train_on_batch(*self.real_samples(BATCH // 2))
        self.gan = define_gan(self.generator, self.discriminator)
        self.steps_in_epoch = len(self.images) // BATCH
        self.steps = 0

    def real_samples(self, count: int) -> tuple[list[np.ndarray], np.ndarray]:
        chosen = np.random.randint(0, self.images.shape[0], count)
        return [self.images[chosen], self.labels[chosen]], np.ones((count, 1))

    def latent_points(self, count: int) -> list[np.ndarray]:
        latent = np.random.randn(LATENT * count).reshape(count, LATENT)
        return [latent, np.random.randint(0, CLASSES, count)]

    def fake_samples(self, count: int) -> tuple[list[np.ndarray], np.ndarray]:
        latent, labels = self.latent_points(count)
        images = self.generator.predict([latent, labels])
        return [images, labels], np.zeros((count, 1))

    def step(self) -> None:
        half = BATCH // 2
        real_loss, _ = self.discriminator.train_on_batch(*self.real_samples(half))
        fake_loss, _ = self.discriminator.train_on_batch(*self.fake_samples(half))
        latent, labels = self.latent_points(BATCH)
        gan_loss = self.gan.train_on_batch([latent, labels], np.ones((BATCH, 1)))
        epoch, batch = divmod(self.steps, self.steps_in_epoch)
        print(f">{epoch + 1}, {batch + 1}/{self.steps_in_epoch}, d1={real_loss:.3f}, d2={fake_loss:.3f} g={gan_loss:.3f}")
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
        training = Training(sys.argv[1])
        learns = changed_by_a_step(training)
    serve(timed(training.step), {"parameters": training.parameters, "learns": learns})


if __name__ == "__main__":
    main()
