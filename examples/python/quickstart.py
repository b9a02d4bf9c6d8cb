import nniesim

network = nniesim.Network.from_cfg("examples/feature_norm/network/feature_norm.cfg")
table = network.compare(mode=0).accumulated  # float against the cfg's 8 bits, every layer
print(table)
print(network.diagnose(html="report.html"))  # what is wrong, why, what to change; and a report
wide = network.run(mode=0, precisions={"jfc": "w16a16"}, ranges=network.calibrate())  # one layer in 16 bits
print("classifier:", nniesim.compare(network.run(mode="float32")["classifier"], wide["classifier"]).cosine)
