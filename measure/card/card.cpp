// A card that counts, for PyTorch's PrivateUse1: memory of its own, in the main memory, and the
// CPU's operations. What mixes its tensors with the CPU's is refused, as by a real card.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/resize_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/extension.h>

#include <mutex>
#include <set>
#include <unordered_map>

using at::Tensor;

namespace {

constexpr auto KIND = c10::DeviceType::PrivateUse1;
const c10::Device CARD(KIND, 0);
const c10::DispatchKeySet KEYS(c10::DispatchKey::PrivateUse1);

// ------------------------------------------------------------------ memory

std::mutex lock;
std::unordered_map<void*, size_t> sizes;
size_t used = 0, peak = 0, most = SIZE_MAX;

void give_back(void* place) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = sizes.find(place);
  if (found != sizes.end()) {
    used -= found->second;
    sizes.erase(found);
  }
  c10::free_cpu(place);
}

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    std::lock_guard<std::mutex> guard(lock);
    TORCH_CHECK_WITH(
        OutOfMemoryError, used + bytes <= most, "The card has ", most, " bytes, of which ", used,
        " are taken: no room for ", bytes, ".");
    void* place = c10::alloc_cpu(bytes);
    if (place) {
      sizes[place] = bytes;
      used += bytes;
      peak = std::max(peak, used);
    }
    return {place, place, &give_back, CARD};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};
Memory memory;
REGISTER_ALLOCATOR(KIND, &memory);

// ------------------------------------------------------------------ device, stream, generator

const c10::Stream STREAM(c10::Stream::DEFAULT, CARD);

struct Guard final : c10::impl::NoOpDeviceGuardImpl<KIND> {
  c10::Device exchangeDevice(c10::Device) const override { return CARD; }
  c10::Device getDevice() const override { return CARD; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  c10::Stream getStream(c10::Device) const noexcept override { return STREAM; }
  c10::Stream getDefaultStream(c10::Device) const override { return STREAM; }
  c10::Stream getNewStream(c10::Device, int) const override { return STREAM; }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return STREAM; }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return STREAM; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
  void synchronizeDevice(const c10::DeviceIndex) const override {}
  void record(void** event, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag)
      const override {
    *event = &peak;  // any address: nothing is ever waited for
  }
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override {}
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

struct Dice final : c10::GeneratorImpl {
  at::Generator inner;  // the CPU's
  explicit Dice(at::Generator inner) : c10::GeneratorImpl(CARD, KEYS), inner(std::move(inner)) {}
  void set_current_seed(uint64_t seed) override { inner.set_current_seed(seed); }
  void set_offset(uint64_t offset) override { inner.set_offset(offset); }
  uint64_t get_offset() const override { return inner.get_offset(); }
  uint64_t current_seed() const override { return inner.current_seed(); }
  uint64_t seed() override { return inner.seed(); }
  void set_state(const c10::TensorImpl& state) override {
    inner.unsafeGetGeneratorImpl()->set_state(state);
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    return inner.unsafeGetGeneratorImpl()->get_state();
  }
  Dice* clone_impl() const override { return new Dice(inner.clone()); }
};

const at::Generator& usual_dice() {
  static auto dice = at::make_generator<Dice>(at::detail::createCPUGenerator());
  return dice;
}

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override { return usual_dice(); }
  at::Generator getNewGenerator(c10::DeviceIndex) const override {
    return at::make_generator<Dice>(at::detail::createCPUGenerator());
  }
  void resizePrivateUse1Bytes(const c10::Storage& storage, size_t bytes) const override {
    auto* old = storage.unsafeGetStorageImpl();
    auto place = memory.allocate(bytes);
    if (old->data()) memory.copy_data(place.get(), old->data(), std::min(bytes, old->nbytes()));
    old->set_data_ptr_noswap(std::move(place));
    old->set_nbytes(bytes);
  }
};
Hooks hooks;

// ------------------------------------------------------------------ operations

// The same bytes as a tensor of the CPU.
Tensor seen(const Tensor& tensor) {
  if (!tensor.defined() || tensor.device().is_cpu()) return tensor;
  auto options = at::TensorOptions().dtype(tensor.scalar_type()).device(at::kCPU);
  if (tensor.numel() == 0) return at::empty_strided(tensor.sizes(), tensor.strides(), options);
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), options);
}

Tensor brought(const Tensor& tensor) { return tensor.defined() ? tensor.to(CARD) : tensor; }

Tensor make_empty(
    at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
    std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory, KEYS, c10::dtype_or_default(type), format);
}

Tensor make_strided(
    at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
    std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(
      size, stride, &memory, KEYS, c10::dtype_or_default(type));
}

Tensor write(const Tensor& from, const Tensor& to, bool) {
  at::AutoDispatchBelowADInplaceOrView guard;
  seen(to).copy_(seen(from));
  return to;
}

Tensor write_resized(const Tensor& from, const Tensor& to) {
  to.resize_(from.sizes());
  return write(from, to, false);
}

at::Scalar item(const Tensor& tensor) { return seen(tensor).item(); }

Tensor& set_whole(Tensor& tensor, at::Storage storage) {
  const auto count = static_cast<int64_t>(storage.nbytes() / tensor.itemsize());
  return at::native::set_storage_cpu_(tensor, std::move(storage), 0, {count}, {});
}

// A real card takes indices, and numbers of no dimension, from the CPU too.
const std::set<std::string> MAY_MIX = {
    "aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_"};

struct Devices {
  bool cpu = false, card = false;
  void add(const Tensor& tensor) {
    if (!tensor.defined()) return;
    card |= tensor.device() == CARD;
    cpu |= tensor.device().is_cpu() && tensor.dim() > 0;
  }
  void refuse(const std::string& name) const {
    TORCH_CHECK(
        !(cpu && card) || MAY_MIX.count(name),
        "Expected all tensors to be on the same device, but ", name, " got some on the card and ",
        "some on the CPU");
  }
};

void by_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto name = toString(op.operator_name());
  Devices devices;
  for (auto& value : torch::jit::last(*stack, op.schema().arguments().size())) {
    if (value.isTensor()) devices.add(value.toTensor());
    if (value.isTensorList())
      for (const auto& tensor : value.toTensorVector()) devices.add(tensor);
  }
  devices.refuse(name);
  auto begin = stack->end() - static_cast<std::ptrdiff_t>(op.schema().arguments().size());
  for (auto value = begin; value != stack->end(); ++value) {
    if (!value->isGenerator()) continue;
    const auto dice = value->toGenerator();
    TORCH_CHECK(dice.device() == CARD, name, " on the card wants a generator of the card");
    *value = static_cast<Dice*>(dice.unsafeGetGeneratorImpl())->inner;
  }
  at::native::cpu_fallback(op, stack);
}

Tensor convolution(
    const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
    c10::SymIntArrayRef stride, c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation,
    bool transposed, c10::SymIntArrayRef output_padding, c10::SymInt groups) {
  Devices devices;
  for (const auto& tensor : {input, weight, bias.value_or(Tensor())}) devices.add(tensor);
  devices.refuse("convolution");
  const auto offset = bias ? std::optional<Tensor>(seen(*bias)) : std::nullopt;
  return brought(at::convolution_symint(
      seen(input), seen(weight), offset, stride, padding, dilation, transposed, output_padding,
      groups));
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(
    const Tensor& gradient, const Tensor& input, const Tensor& weight, c10::SymIntArrayRef stride,
    c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation, bool transposed,
    c10::SymIntArrayRef output_padding, c10::SymInt groups, std::array<bool, 3> wanted) {
  Devices devices;
  for (const auto& tensor : {gradient, input, weight}) devices.add(tensor);
  devices.refuse("convolution_backward");
  const std::vector<c10::SymInt> bias{gradient.sym_size(1)};
  auto [of_input, of_weight, of_bias] = at::convolution_backward_symint(
      seen(gradient), seen(input), seen(weight), at::OptionalSymIntArrayRef(bias), stride, padding,
      dilation, transposed, output_padding, groups, wanted);
  return {brought(of_input), brought(of_weight), brought(of_bias)};
}

// Keeps no scores, as the fused ones of real cards, wherever these would be taken.
Tensor attention(
    const Tensor& query, const Tensor& key, const Tensor& value, const std::optional<Tensor>& mask,
    double dropout, bool causal, std::optional<double> scale, bool grouped) {
  auto fused = query.dim() == 4 && query.numel() && key.numel() && dropout == 0 && !grouped &&
      query.size(3) == value.size(3) && query.size(1) == key.size(1);
  auto added = mask;
  if (mask) {
    fused = fused && !mask->requires_grad() && (mask->dim() == 2 || mask->dim() == 4);
    if (mask->scalar_type() == at::kBool)
      added = at::zeros_like(*mask, query.options()).masked_fill_(mask->logical_not(), -INFINITY);
  }
  if (!fused)
    return std::get<0>(at::_scaled_dot_product_attention_math(
        query, key, value, mask, dropout, causal, std::nullopt, scale, grouped));
  return std::get<0>(at::_scaled_dot_product_flash_attention_for_cpu(
      query, key, value, 0.0, causal, added, scale));
}

TORCH_LIBRARY_IMPL(aten, AutogradPrivateUse1, library) {
  library.impl("scaled_dot_product_attention", attention);
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&by_cpu>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", make_empty);
  library.impl("empty_strided", make_strided);
  library.impl("_copy_from", write);
  library.impl("_copy_from_and_resize", write_resized);
  library.impl("_local_scalar_dense", item);
  library.impl("as_strided", at::native::as_strided_tensorimpl);
  library.impl("view", at::native::view);
  library.impl("_reshape_alias", at::native::_reshape_alias);
  library.impl("resize_", at::native::resize_);
  library.impl("set_.source_Storage", set_whole);
  library.impl("set_.source_Storage_storage_offset", at::native::set_storage_cpu_);
  library.impl("set_.source_Tensor", at::native::set_tensor_);
  library.impl("convolution_overrideable", convolution);
  library.impl("convolution_backward_overrideable", convolution_backward);
  library.impl("scaled_dot_product_attention", attention);
}

TORCH_LIBRARY_IMPL(_, AutocastPrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFallthrough());
}

// As CUDA's autocast, of what these networks use.
TORCH_LIBRARY_IMPL(aten, AutocastPrivateUse1, m) {
  KERNEL_PRIVATEUSEONE(addmm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(baddbmm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(bmm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(conv1d, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(conv2d, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(conv3d, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(linear, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(matmul, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(mm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(scaled_dot_product_attention, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(group_norm, fp32)
  KERNEL_PRIVATEUSEONE(layer_norm, fp32)
  KERNEL_PRIVATEUSEONE(mse_loss, fp32)
  KERNEL_PRIVATEUSEONE(rsqrt, fp32)
  KERNEL_PRIVATEUSEONE(softmax, int, fp32)
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  at::RegisterPrivateUse1HooksInterface(&hooks);
  module.def("used", [] { return used; });
  module.def("peak", [] { return peak; });
  module.def("forget_peak", [] { peak = used; });
  module.def("most", [] { return most; });
  module.def("set_most", [](size_t bytes) { most = bytes; });
  module.def("dice", [] { return usual_dice(); });
}
