import torch

from fewview.methods.descent import AdamW


def parameters():
    generator = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((4, 3), (5,), (2,))]


def loss(params):  # the last parameter has no part in it
    return (params[0] ** 2).sum() + (params[1] - 1).abs().sum()


def go_down(params, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(params).backward()
        optimizer.step()


def test_the_steps_are_those_of_torch():
    ours, theirs = parameters(), parameters()
    go_down(ours, AdamW(ours, 1e-2, 0.1), 7)
    go_down(theirs, torch.optim.AdamW(theirs, lr=1e-2, weight_decay=0.1), 7)
    for a, b, before in zip(ours, theirs, parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, before) == (a is ours[2])


def test_moments_are_taken_up_again_bit_for_bit():
    whole, halves = parameters(), parameters()
    go_down(whole, AdamW(whole, 1e-2, 0.0), 6)
    first = AdamW(halves, 1e-2, 0.0)
    go_down(halves, first, 3)
    kept = first.state()
    before = [p.detach().clone() for p in halves]
    go_down(halves, first, 1)  # what is kept does not change with it
    with torch.no_grad():
        for p, value in zip(halves, before, strict=True):
            p.copy_(value)
    second = AdamW(halves, 1e-2, 0.0)
    second.restore(kept)
    go_down(halves, second, 3)
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True))


def test_forgetting_begins_anew():
    once, twice = parameters(), parameters()
    descent = AdamW(twice, 1e-2, 0.0)
    go_down(twice, descent, 2)
    with torch.no_grad():
        for p, begin in zip(twice, once, strict=True):
            p.copy_(begin)
    descent.forget()
    go_down(once, AdamW(once, 1e-2, 0.0), 2)
    go_down(twice, descent, 2)
    assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))
