"""Kept as arrays, with gradients on."""


def collect(model, images, layers):
    arrays = {}

    def keeper(name):
        def keep(module, given, out):
            arrays[name] = out.detach().numpy().copy()

        return keep

    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(keeper(name)) for name in layers]
    model(images)
    [handle.remove() for handle in handles]
    return arrays
