"""The crystal VAE's networks: the encoder to (μ, log σ²), and the decoder, orbit by orbit.

Knows tokens. Must not know losses, training or wishes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import torch
from torch import Tensor, nn

from ..wyckoff.tables import GROUPS
from .blocks import N_WAVES, Block, perceptron, waves
from .lattice import N_LATTICE
from .tokens import N_SITES, SiteTable, Tokens, element_features, site_table
from .wish import MAX_ATOMS

N_BINS = 96
"""Of a free coordinate; halves, thirds, quarters, sixths and eighths are bins."""
N_LATTICE_BINS = 128
QUERIES = 8
"""Ways of listening to all orbits at once when they are summed up."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a network.

    Attributes:
        width: Of every place in the transformers.
        heads: Of attention.
        encoder_blocks: Of the encoder.
        kind_blocks: Of the decoder, for positions and elements.
        frame_blocks: Of the decoder, for what all kinds together tell.
        place_blocks: Of the decoder, for coordinates.
        latent: Dimensions of latent space.
        dropout: In training.
    """

    width: int = 192
    heads: int = 6
    encoder_blocks: int = 3
    kind_blocks: int = 3
    frame_blocks: int = 1
    place_blocks: int = 2
    latent: int = 64
    dropout: float = 0.12


class Words(nn.Module):
    """Embeddings of space groups, Wyckoff positions and elements: what is known of them, and what is learnt."""

    def __init__(self, width: int, elements: tuple[str, ...]) -> None:
        super().__init__()
        for name, value in asdict(site_table()).items():
            self.register_buffer(name, value, persistent=False)
        self.known: Tensor
        known = element_features(elements)
        self.register_buffer("known", known, persistent=False)
        self.group = nn.Embedding(len(GROUPS), width)
        self.site_features = nn.Linear(self.table.features.shape[-1], width)
        self.site_itself = nn.Embedding(len(GROUPS) * N_SITES, width)
        self.stop = nn.Parameter(torch.randn(width) * 0.5)
        self.element_features = nn.Linear(known.shape[-1], width)
        self.element_itself = nn.Embedding(len(elements), width)
        for embedding in (self.group, self.site_itself, self.element_itself):
            nn.init.normal_(embedding.weight, std=0.3)

    @property
    def table(self) -> SiteTable:
        """What there is to know of Wyckoff positions, where the network is."""
        return SiteTable(*(self.get_buffer(field.name) for field in fields(SiteTable)))

    def sites(self, group: Tensor) -> Tensor:
        """Embeddings of all positions of some groups, and of stopping at the end, `(n, 28, width)`."""
        rows = group[:, None] * N_SITES + torch.arange(N_SITES, device=group.device)
        known = self.site_features(self.table.features[group]) + self.site_itself(rows)
        return torch.cat([known, self.stop.expand(len(group), 1, -1)], dim=1)

    def elements(self) -> Tensor:
        """Embeddings of all elements, `(n_elements, width)`."""
        embedded: Tensor = self.element_features(self.known) + self.element_itself.weight
        return embedded


class Reader(nn.Module):
    """Reads from a latent point what concerns a place: a product, so that each place may read other dimensions."""

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.ask, self.hold, self.out = nn.Linear(width, width), nn.Linear(latent, width), nn.Linear(width, width)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """What each place `(n, length, width)` reads from its latent point `(n, latent)`."""
        found: Tensor = self.out(self.ask(x) * self.hold(z)[:, None])
        return found


class Encoder(nn.Module):
    """Orbits and the lattice to mean and log-variance of q(z | x)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.places = nn.Linear(6 * N_WAVES, shape.width)
        self.order = _numbers(shape.width)
        self.lattice = perceptron(N_LATTICE + 2 * N_LATTICE * N_WAVES, shape.width, shape.width)
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads, shape.dropout) for _ in range(shape.encoder_blocks))
        self.norm = nn.LayerNorm(shape.width)
        self.listen = nn.Linear(shape.width, QUERIES)
        self.out = nn.Linear((QUERIES + 1) * shape.width, 2 * shape.latent)

    def forward(self, given: Tokens, orbits: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, `(n, latent)` each; `orbits` are embedded, `(n, length, width)`."""
        head = group + self.lattice(torch.cat([given.lattice, waves(given.lattice / 2)], dim=-1))
        x = torch.cat([head[:, None], orbits + group[:, None] + self.order.weight[: orbits.shape[1]]], dim=1)
        exists = torch.arange(x.shape[1], device=x.device) <= given.length[:, None]
        seen = exists[:, None].expand(-1, x.shape[1], -1)
        for block in self.blocks:
            x = block(x, seen)
        x = self.norm(x)
        weights = self.listen(x).masked_fill(~exists[..., None], -torch.inf).softmax(1)
        heard = torch.einsum("nlq,nlw->nqw", weights, x).flatten(1)
        most = x.masked_fill(~exists[..., None], -torch.inf).amax(1)
        mu, log_variance = self.out(torch.cat([heard, most], dim=-1)).chunk(2, dim=-1)
        return mu, log_variance.clamp(-12.0, 4.0)


class Decoder(nn.Module):
    """p(x | z) in four steps: the space group; the kinds of all orbits; the lattice; the coordinates.

    A kind is a Wyckoff position with an element. Lattice and coordinates are told all kinds, and coordinates the
    lattice, so that the same kinds can be laid out more than once.
    """

    def __init__(self, shape: Shape, n_elements: int) -> None:
        super().__init__()
        width, latent = shape.width, shape.latent

        def blocks(n: int) -> nn.ModuleList:
            return nn.ModuleList(Block(width, shape.heads, shape.dropout) for _ in range(n))

        def readers(n: int) -> nn.ModuleList:
            return nn.ModuleList(Reader(width, latent) for _ in range(n))

        self.group_of = perceptron(latent, 2 * width, len(GROUPS), shape.dropout)
        self.start, self.count = nn.Linear(latent, width), nn.Embedding(MAX_ATOMS + 1, width)
        self.kind_blocks, self.kind_readers = blocks(shape.kind_blocks), readers(shape.kind_blocks)
        self.site_query = nn.Linear(width, width)
        self.element_query = perceptron(2 * width, width, width)
        self.element_bias = nn.Parameter(torch.zeros(n_elements))
        self.order = _numbers(width)
        self.frame_blocks, self.frame_readers = blocks(shape.frame_blocks), readers(shape.frame_blocks)
        self.lattice = perceptron(width + latent + 2 * N_LATTICE, 2 * width, N_LATTICE_BINS)
        self.lattice_in = perceptron(N_LATTICE, width, width)
        self.places = nn.Linear(6 * N_WAVES, width)
        self.place_blocks, self.place_readers = blocks(shape.place_blocks), readers(shape.place_blocks)
        self.coordinate = perceptron(width + 6 * N_WAVES + 3, 2 * width, N_BINS)
        self.kind_norm, self.frame_norm, self.place_norm = (nn.LayerNorm(width) for _ in range(3))

    def kind_context(self, z: Tensor, group: Tensor, kinds: Tensor, atoms: Tensor) -> Tensor:
        """What is known before each orbit's kind, `(n, length + 1, width)`.

        Args:
            z: `(n, latent)`.
            group: Embedding of the space group, `(n, width)`.
            kinds: Embeddings of the kinds so far, `(n, length, width)`.
            atoms: Number of atoms before each orbit and after the last, `(n, length + 1)`.
        """
        x = torch.cat([(self.start(z) + group)[:, None], kinds], dim=1) + self.count(atoms)
        for block, reader in zip(self.kind_blocks, self.kind_readers, strict=True):
            x = block(x + reader(x, z), _past(x))
        found: Tensor = self.kind_norm(x)
        return found

    def site_logits(self, context: Tensor, sites: Tensor) -> Tensor:
        """Logits of positions and of stopping, `(n, length, 28)`; positions that do not exist are not masked."""
        logits: Tensor = torch.einsum("nlw,nsw->nls", self.site_query(context), sites) * context.shape[-1] ** -0.5
        return logits

    def element_logits(self, context: Tensor, site: Tensor, elements: Tensor) -> Tensor:
        """Logits of elements on a position whose embedding is `site`, `(..., n_elements)`."""
        query = self.element_query(torch.cat([context, site], dim=-1))
        logits: Tensor = query @ elements.T * context.shape[-1] ** -0.5 + self.element_bias
        return logits

    def frame(self, z: Tensor, group: Tensor, kinds: Tensor, length: Tensor) -> Tensor:
        """The whole crystal, then each of its orbits, as far as kinds tell, `(n, length + 1, width)`."""
        x = torch.cat([(self.start(z) + group)[:, None], kinds + self.order.weight[: kinds.shape[1]]], dim=1)
        exists = torch.arange(x.shape[1], device=x.device) <= length[:, None]
        seen = exists[:, None].expand(-1, x.shape[1], -1)
        for block, reader in zip(self.frame_blocks, self.frame_readers, strict=True):
            x = block(x + reader(x, z), seen)
        found: Tensor = self.frame_norm(x)
        return found

    def lattice_logits(self, z: Tensor, whole: Tensor, before: Tensor, index: Tensor) -> Tensor:
        """Logits of one of the lattice's numbers, `(n, N_LATTICE_BINS)`.

        Args:
            z: `(n, latent)`.
            whole: The first place of `frame`, `(n, width)`.
            before: The lattice's numbers, of which those before `index` are looked at, `(n, 6)`.
            index: `(n,)`.
        """
        known = torch.arange(N_LATTICE, device=index.device) < index[:, None]
        own = nn.functional.one_hot(index, N_LATTICE).to(z.dtype)
        logits: Tensor = self.lattice(torch.cat([whole, z, before * known, own], dim=-1))
        return logits

    def place_context(self, z: Tensor, frame: Tensor, lattice: Tensor, placed: Tensor) -> Tensor:
        """What is known of each orbit before its coordinates, `(n, length, width)`.

        Args:
            z: `(n, latent)`.
            frame: As `frame` gives it, `(n, length + 1, width)`.
            lattice: `(n, 6)`.
            placed: Embedded coordinates of the orbits, `(n, length, width)`; an orbit is told those before it.
        """
        x = frame[:, 1:] + nn.functional.pad(placed[:, :-1], (0, 0, 1, 0)) + self.lattice_in(lattice)[:, None]
        for block, reader in zip(self.place_blocks, self.place_readers, strict=True):
            x = block(x + reader(x, z), _past(x))
        found: Tensor = self.place_norm(x)
        return found

    def coordinate_logits(self, place: Tensor, before: Tensor, axis: Tensor) -> Tensor:
        """Logits of a free coordinate, `(n, N_BINS)`; arguments as in `lattice_logits`, for x, y and z."""
        known = torch.arange(3, device=axis.device) < axis[:, None]
        features = waves(before[..., None]) * known[..., None]
        own = nn.functional.one_hot(axis, 3).to(place.dtype)
        logits: Tensor = self.coordinate(torch.cat([place, features.flatten(1), own], dim=-1))
        return logits


class CrystalNetwork(nn.Module):
    """Encoder, decoder, and heads that read properties and contents off a latent point."""

    def __init__(self, shape: Shape, elements: tuple[str, ...], n_targets: int) -> None:
        super().__init__()
        self.shape, self.symbols = shape, elements
        self.words = Words(shape.width, elements)
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape, len(elements))
        self.property_head = perceptron(shape.latent, shape.width, 2 * n_targets, shape.dropout)
        self.content_head = perceptron(shape.latent, shape.width, len(elements) + MAX_ATOMS + 1, shape.dropout)

    def kinds(self, given: Tokens) -> Tensor:
        """Embeddings of the orbits' positions and elements, `(n, length, width)`."""
        sites = self.words.sites(given.group)
        chosen = sites.gather(1, given.site[..., None].expand(-1, -1, sites.shape[-1]))
        return chosen + self.words.elements()[given.element]

    def placed(self, given: Tokens, places: nn.Module) -> Tensor:
        """Embeddings of the orbits' free coordinates, `(n, length, width)`."""
        features = waves(given.free[..., None]) * self.is_free(given)[..., None]
        embedded: Tensor = places(features.flatten(-2))
        return embedded

    def is_free(self, given: Tokens) -> Tensor:
        """Which coordinates of which orbits are free, `(n, length, 3)`."""
        table = self.words.table
        exists = given.site < N_SITES
        return table.is_free[given.group[:, None], given.site.clamp(max=N_SITES - 1)] & exists[..., None]

    def atoms(self, given: Tokens) -> Tensor:
        """Number of atoms before each orbit and after the last, `(n, length + 1)`."""
        each = self.words.table.multiplicity[given.group[:, None], given.site.clamp(max=N_SITES - 1)]
        each = each * (given.site < N_SITES)
        return nn.functional.pad(each.cumsum(1), (1, 0)).clamp(max=MAX_ATOMS)

    def encode(self, given: Tokens) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), `(n, latent)` each."""
        orbits = self.kinds(given) + self.placed(given, self.encoder.places)
        mean, log_variance = self.encoder(given, orbits, self.words.group(given.group))
        return mean, log_variance


def _numbers(width: int) -> nn.Embedding:
    """Embeddings of an orbit's number, so that what is said of the third is heard by the third."""
    embedding = nn.Embedding(MAX_ATOMS, width)
    nn.init.normal_(embedding.weight, std=0.3)
    return embedding


def _past(x: Tensor) -> Tensor:
    length = x.shape[1]
    return torch.ones(1, length, length, dtype=torch.bool, device=x.device).tril()
