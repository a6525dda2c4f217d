"""The loop of Keras' SimpleRNN and LSTM over the steps of a text, for JAX: the same layers, with less inside the loop.

Keras multiplies in every step what needs no turn as well: the inputs by their kernel, and, on the way back, what the
gradients of both kernels are added up from. Here these are products of matrices for all steps together. A GRU gains
nothing by it, and its layers stay as they are.
"""

from functools import partial
from typing import Any

import keras
from keras import ops

# ruff: noqa: PLC0415  JAX need not be installed where it does not train

Tensor = Any
States = tuple[Tensor, ...]
"""The output of a step (batch, units), and what else goes on to the next."""


def quicken(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Give `layer`, or both layers of a `Bidirectional`, the loop of this module, where it is covered; return it.

    Covered are SimpleRNN and LSTM without recurrent dropout, where Keras runs on JAX. Weights, outputs and gradients
    stay what they were, up to rounding.
    """
    if isinstance(layer, keras.layers.Bidirectional):
        quicken(layer.forward_layer)
        quicken(layer.backward_layer)
    elif keras.backend.backend() == "jax" and type(layer.cell) in _STEPS and not layer.cell.recurrent_dropout:
        layer.inner_loop = partial(_inner_loop, layer)
    return layer


def _inner_loop(layer: Any, sequences: Tensor, initial_state: Any, mask: Tensor, training: bool = False) -> Any:
    """Return the last output, all outputs in the order of processing, and the states after the last step."""
    cell = layer.cell
    if training and cell.dropout:
        sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0, :]), axis=1)
    inputs = ops.matmul(ops.transpose(sequences, (1, 0, 2)), cell.kernel)
    if cell.use_bias:
        inputs = inputs + cell.bias
    real = ops.ones(inputs.shape[:2], "bool") if mask is None else ops.transpose(mask)
    real = ops.expand_dims(real, axis=-1)
    how = (partial(_STEPS[type(cell)], cell), layer.go_backwards)
    kernel = ops.convert_to_tensor(cell.recurrent_kernel)
    outputs, states = _differentiable_loop()(how, kernel, inputs, real, tuple(initial_state))
    if layer.zero_output_for_mask:
        outputs = ops.where(real, outputs, 0.0)
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


_STEPS = {keras.layers.SimpleRNNCell: _simple_rnn, keras.layers.LSTMCell: _lstm}


def _differentiable_loop() -> Any:
    """Return a function of how (the step and whether to go backwards), the recurrent kernel (units, gates), the inputs
    times their kernel (steps, batch, gates), which of them are real (steps, batch, 1), and the first states.

    It gives the outputs (steps, batch, units), in the order of the inputs, and the last states.
    """  # noqa: D205  the arguments belong to the first sentence
    import jax

    @partial(jax.custom_vjp, nondiff_argnums=(0,))
    def loop(how: Any, kernel: Tensor, inputs: Tensor, real: Tensor, first: States) -> Any:
        return forward(how, kernel, inputs, real, first)[0]

    def forward(how: Any, kernel: Tensor, inputs: Tensor, real: Tensor, first: States) -> Any:
        def one(states: States, at: Any) -> Any:
            gates = at[0] + states[0] @ kernel
            new = _where_real(how[0], at[1], gates, states)
            return new, (new[0], gates, states)

        last, (outputs, gates, before) = jax.lax.scan(one, first, (inputs, real), reverse=how[1])
        return (outputs, last), (kernel, real, gates, before)

    def backward(how: Any, saved: Any, wanted: Any) -> Any:
        kernel, real, gates, before = saved

        def one(wanted: States, at: Any) -> Any:
            of_output, of_step, gates, before = at
            _, pull = jax.vjp(partial(_where_real, how[0], of_step), gates, before)
            of_gates, of_before = pull((wanted[0] + of_output, *wanted[1:]))
            return (of_before[0] + of_gates @ kernel.T, *of_before[1:]), of_gates

        of_first, of_gates = jax.lax.scan(one, wanted[1], (wanted[0], real, gates, before), reverse=not how[1])
        return jax.numpy.einsum("sbu,sbg->ug", before[0], of_gates), of_gates, None, of_first

    loop.defvjp(forward, backward)
    return loop


def _where_real(step: Any, real: Tensor, gates: Tensor, states: States) -> States:
    """Go one step where it is real, and stay where it is padding."""
    return tuple(ops.where(real, new, old) for new, old in zip(step(gates, states), states, strict=True))
