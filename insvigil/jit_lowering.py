"""How the instructions of a kernel are written: what reaches an element of an array, and nothing more.

numba puts a whole array in memory at each access, to read five things of it, and asks of each index whether it counts
from the end: some forty instructions, most of which its optimiser then takes away. Here arrays stay where they are. A
kernel never counts from the end (``docs/decisions/0105-an-index-counts-from-the-start.md``). Nor does it make arrays:
nothing is counted when a variable takes another value.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering
from numba.np import arrayobj


class KernelLower(Lower):
    """The writer of the instructions of a kernel."""

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:  # noqa: ARG002
        return cgutils.alloca_once(self.builder, lltype, name=name)

    def storevar(self, value: Any, name: str, argidx: Any = None) -> None:  # noqa: ARG002
        self._alloca_var(name, self.typeof(name))
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))

    def lower_getitem(self, resty: Any, expr: Any, value: Any, index: Any, signature: Any) -> Any:
        address = self._address(value, index, signature)
        if address is None:
            return super().lower_getitem(resty, expr, value, index, signature)
        element = arrayobj.load_item(self.context, self.builder, signature.args[0], address)
        return self.context.cast(self.builder, element, signature.return_type, resty)

    def lower_setitem(self, target_var: Any, index_var: Any, value_var: Any, signature: Any) -> Any:
        address = self._address(target_var, index_var, signature)
        if address is None:
            return super().lower_setitem(target_var, index_var, value_var, signature)
        array = signature.args[0]
        value = self.context.cast(self.builder, self.loadvar(value_var.name), self.typeof(value_var.name), array.dtype)
        return arrayobj.store_item(self.context, self.builder, array, value, address)

    def _address(self, held: Any, index: Any, signature: Any) -> Any:
        """Return the address of the element that an index tells, or nothing where it does not tell a single one."""
        array, kind = signature.args[:2]
        several = isinstance(kind, types.BaseTuple)
        kinds = kind.types if several else (kind,)
        whole = all(isinstance(each, types.Integer) for each in kinds)
        if not isinstance(array, types.Array) or len(kinds) != array.ndim or not whole:
            return None
        builder, fields = self.builder, self.context.data_model_manager[array]
        value = self.loadvar(held.name)
        told = self.context.cast(builder, self.loadvar(index.name), self.typeof(index.name), kind)
        indices = cgutils.unpack_tuple(builder, told, len(kinds)) if several else [told]
        data, shape, strides = (fields.get_field_position(name) for name in ("data", "shape", "strides"))
        place: Any = None
        for axis, (each, number) in enumerate(zip(kinds, indices, strict=True)):
            at = self.context.cast(builder, number, each, types.intp)
            if self.context.enable_boundscheck:
                cgutils.do_boundscheck(self.context, builder, at, builder.extract_value(value, (shape, axis)), axis)
            if array.layout != "C":
                at = builder.mul(at, builder.extract_value(value, (strides, axis)))
            elif axis:
                place = builder.mul(place, builder.extract_value(value, (shape, axis)))
            place = builder.add(place, at) if axis else at
        start = builder.extract_value(value, data)
        return builder.gep(start, [place]) if array.layout == "C" else cgutils.pointer_add(builder, start, place)


@register_pass(mutates_CFG=True, analysis_only=False)
class KernelLowering(NativeLowering):
    """The step of numba that writes instructions, with ``KernelLower``."""

    _name = "kernel_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return KernelLower
