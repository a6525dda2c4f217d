"""The loop of Keras' SimpleRNN and LSTM over the steps of a text, for JAX: the same layers, with less inside the loop.

Keras multiplies in every step what needs no turn as well: the inputs by their kernel, and, on the way back, what the
gradients of both kernels are added up from. Here these are products of matrices for a block of steps together, and the
loop ends with the block in which the longest text of a batch does, so that padding costs little. A GRU gains nothing by
the first, and its layers stay as they are.
"""

from functools import partial
from math import gcd
from typing import Any

import keras
from keras import ops

# ruff: noqa: PLC0415  JAX need not be installed where it does not train

Tensor = Any
States = tuple[Tensor, ...]
"""The output of a step (batch, units), and what else goes on to the next."""

_BLOCK = 8
"""Steps of a block; what needs no turn is one product of matrices for all of them."""


def covers(cell: str | None, recurrent_dropout: float) -> bool:
    """Tell whether layers of a cell, "rnn", "lstm" or another, have the loop of this module, which skips padding.

    Covered are SimpleRNN and LSTM without recurrent dropout, where Keras runs on JAX.
    """
    return bool(keras.backend.backend() == "jax" and cell in _STEPS and not recurrent_dropout)


def quicken(layer: keras.layers.Layer, cell: str) -> keras.layers.Layer:
    """Give `layer` of a cell, or both layers of a `Bidirectional`, the loop of this module, where it is covered.

    Returns:
        The layer. Weights, outputs and gradients stay what they were, up to rounding.
    """
    if isinstance(layer, keras.layers.Bidirectional):
        quicken(layer.forward_layer, cell)
        quicken(layer.backward_layer, cell)
    elif covers(cell, layer.cell.recurrent_dropout):
        layer.inner_loop = partial(_inner_loop, (layer, _STEPS[cell]))
    return layer


def _inner_loop(quick: Any, sequences: Tensor, initial_state: Any, mask: Tensor, training: bool = False) -> Any:
    """Return the last output of a layer, all outputs in the order of processing, and the states after the last step.

    `quick` is the layer and what a step of it does.
    """
    layer, step = quick
    cell = layer.cell
    if training and cell.dropout:
        sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0, :]), axis=1)
    inputs = ops.transpose(sequences, (1, 0, 2))
    real = ops.ones(inputs.shape[:2], "bool") if mask is None else ops.transpose(mask)
    real = ops.expand_dims(real, axis=-1)
    numbers = ops.arange(1, inputs.shape[0] + 1)
    steps = ops.max(ops.where(ops.any(real, axis=(1, 2)), numbers, 0))
    bias = cell.bias if cell.use_bias else ops.zeros(cell.kernel.shape[1:])
    weights = tuple(ops.convert_to_tensor(each) for each in (cell.kernel, cell.recurrent_kernel, bias))
    how = (partial(step, cell), layer.go_backwards)
    outputs, states = _differentiable_loop()(how, weights, inputs, (real, steps), tuple(initial_state))
    if layer.zero_output_for_mask:
        outputs = ops.where(real, outputs, 0.0)
    else:
        of_padding = initial_state[0] if layer.go_backwards else states[0]
        outputs = ops.where(ops.reshape(numbers <= steps, (-1, 1, 1)), outputs, of_padding)
    if layer.go_backwards:
        outputs = ops.flip(outputs, axis=0)
    last = outputs[-1] if layer.zero_output_for_mask else states[0]
    return last, ops.transpose(outputs, (1, 0, 2)), list(states)


def _simple_rnn(cell: Any, gates: Tensor, _: States) -> States:
    return (cell.activation(gates),)


def _lstm(cell: Any, gates: Tensor, states: States) -> States:
    into, keep, candidate, out = ops.split(gates, 4, axis=-1)
    carry = cell.recurrent_activation(keep) * states[1] + cell.recurrent_activation(into) * cell.activation(candidate)
    return cell.recurrent_activation(out) * cell.activation(carry), carry


_STEPS = {"rnn": _simple_rnn, "lstm": _lstm}


def _differentiable_loop() -> Any:
    """Return a function of how (the step and whether to go backwards), the weights (kernel, recurrent kernel,
    bias), the inputs (steps, batch, features), which of them are real (steps, batch, 1) with the number of steps after
    which none is, and the first states.

    It gives the outputs (steps, batch, units), in the order of the inputs and only up to that number, and the last
    states.
    """  # noqa: D205  the arguments belong to the first sentence
    import jax

    @partial(jax.custom_vjp, nondiff_argnums=(0,))
    def loop(how: Any, weights: Any, inputs: Tensor, ends: Any, first: States) -> Any:
        return _forward(how, weights, inputs, ends, first)[0]

    loop.defvjp(_forward, _backward)
    return loop


def _forward(how: Any, weights: Any, inputs: Tensor, ends: Any, first: States) -> Any:
    import jax

    kernel, recurrent, bias = weights
    real, steps = ends

    def one(states: States, at: Any) -> Any:
        gates = at[0] + states[0] @ recurrent
        new = _where_real(how[0], at[1], gates, states)
        return new, (new[0], gates, states)

    def block(states: States, at: Any) -> Any:
        return jax.lax.scan(one, states, (at[0] @ kernel + bias, at[1]), reverse=how[1])

    last, (outputs, gates, before) = _in_blocks(block, first, (inputs, real), steps, reverse=how[1])
    return (outputs, last), (weights, inputs, ends, gates, before)


def _backward(how: Any, saved: Any, wanted: Any) -> Any:
    import jax

    weights, inputs, (real, steps), gates, before = saved
    kernel, recurrent, _ = weights

    def one(wanted: States, at: Any) -> Any:
        of_output, of_step, gates, before = at
        _, pull = jax.vjp(partial(_where_real, how[0], of_step), gates, before)
        of_gates, of_before = pull((wanted[0] + of_output, *wanted[1:]))
        return (of_before[0] + of_gates @ recurrent.T, *of_before[1:]), of_gates

    def block(carried: Any, at: Any) -> Any:
        inputs, *rest, before = at
        of_states, of_gates = jax.lax.scan(one, carried[0], (*rest, before), reverse=not how[1])
        flat = of_gates.reshape(-1, of_gates.shape[-1])
        of_kernels = (each.reshape(-1, each.shape[-1]).T @ flat for each in (inputs, before[0]))
        of_weights = jax.tree.map(jax.numpy.add, carried[1], (*of_kernels, flat.sum(0)))
        return (of_states, of_weights), of_gates @ kernel.T

    begin = (wanted[1], jax.tree.map(jax.numpy.zeros_like, weights))
    arrays = (inputs, wanted[0], real, gates, before)
    (of_first, of_weights), of_inputs = _in_blocks(block, begin, arrays, steps, reverse=not how[1])
    return of_weights, of_inputs, None, of_first


def _in_blocks(block: Any, carried: Any, arrays: Any, steps: Tensor, *, reverse: bool) -> Any:
    """Do what `jax.lax.scan` does, but with blocks of `_BLOCK` slices, and with no more of them than hold the first
    `steps`, a number that need not be known when this is compiled. What is stacked is 0 for the others.
    """  # noqa: D205  the number belongs to the first sentence
    import jax

    length = jax.tree.leaves(arrays)[0].shape[0]
    size = gcd(length, _BLOCK)
    blocks = (steps + size - 1) // size

    def slices(start: Any) -> Any:
        return jax.tree.map(lambda array: jax.lax.dynamic_slice_in_dim(array, start, size), arrays)

    def one(number: Any, state: Any) -> Any:
        start = size * (blocks - 1 - number if reverse else number)
        carried, new = block(state[0], slices(start))
        put = partial(jax.lax.dynamic_update_slice_in_dim, start_index=start, axis=0)
        return carried, jax.tree.map(put, state[1], new)

    _, shapes = jax.eval_shape(block, carried, slices(0))
    stacked = jax.tree.map(lambda like: jax.numpy.zeros((length, *like.shape[1:]), like.dtype), shapes)
    return jax.lax.fori_loop(0, blocks, one, (carried, stacked))


def _where_real(step: Any, real: Tensor, gates: Tensor, states: States) -> States:
    """Go one step where it is real, and stay where it is padding."""
    return tuple(ops.where(real, new, old) for new, old in zip(step(gates, states), states, strict=True))
