using System.Text.Json.Nodes;

namespace Faith.Engine.Tests.Models;

/// <summary>A model of a few hundred parameters, written to a directory after a test has changed what it wants to see refused.</summary>
internal sealed class TinyModel
{
    internal JsonObject Config { get; private init; } = [];
    internal List<TensorData> Tensors { get; private init; } = [];

    internal TensorData this[string name]
    {
        get => Tensors.Single(t => t.Name == name);
        set => Tensors[Tensors.FindIndex(t => t.Name == name)] = value;
    }

    internal static TinyModel Gpt2(string prefix = "transformer.")
    {
        const int d = 8, f = 32, layers = 2;
        var model = new TinyModel
        {
            Config = new JsonObject
            {
                ["architectures"] = new JsonArray("GPT2LMHeadModel"),
                ["model_type"] = "gpt2",
                ["activation_function"] = "gelu_new",
                ["n_embd"] = d, ["n_head"] = 2, ["n_layer"] = layers, ["n_positions"] = 6, ["vocab_size"] = 11,
                ["layer_norm_epsilon"] = 1e-5,
                ["bos_token_id"] = 3, ["eos_token_id"] = 4,
            },
        };
        model.Add(prefix + "wte.weight", 11, d);
        model.Add(prefix + "wpe.weight", 6, d);
        for (var l = 0; l < layers; l++)
        {
            var h = $"{prefix}h.{l}.";
            model.Add(h + "ln_1.weight", d);
            model.Add(h + "ln_1.bias", d);
            model.Add(h + "attn.bias", 1, 1, 6, 6);
            model.Add(h + "attn.masked_bias");
            model.Add(h + "attn.c_attn.weight", d, 3 * d);
            model.Add(h + "attn.c_attn.bias", 3 * d);
            model.Add(h + "attn.c_proj.weight", d, d);
            model.Add(h + "attn.c_proj.bias", d);
            model.Add(h + "ln_2.weight", d);
            model.Add(h + "ln_2.bias", d);
            model.Add(h + "mlp.c_fc.weight", d, f);
            model.Add(h + "mlp.c_fc.bias", f);
            model.Add(h + "mlp.c_proj.weight", f, d);
            model.Add(h + "mlp.c_proj.bias", d);
        }
        model.Add(prefix + "ln_f.weight", d);
        model.Add(prefix + "ln_f.bias", d);
        return model;
    }

    internal static TinyModel Llama(string family = "llama", string prefix = "model.", bool attentionBias = false, bool mlpBias = false)
    {
        const int d = 8, f = 12, layers = 2, q = 8, kv = 4;
        var architecture = family switch { "mistral" => "MistralForCausalLM", "qwen2" => "Qwen2ForCausalLM", _ => "LlamaForCausalLM" };
        var model = new TinyModel
        {
            Config = new JsonObject
            {
                ["architectures"] = new JsonArray(architecture),
                ["model_type"] = family,
                ["hidden_act"] = "silu",
                ["hidden_size"] = d, ["intermediate_size"] = f, ["num_hidden_layers"] = layers,
                ["num_attention_heads"] = 4, ["num_key_value_heads"] = 2,
                ["vocab_size"] = 10, ["max_position_embeddings"] = 16,
                ["rms_norm_eps"] = 1e-6, ["rope_theta"] = 500000.0, ["rope_scaling"] = null,
                ["tie_word_embeddings"] = false,
                ["bos_token_id"] = 1, ["eos_token_id"] = new JsonArray(2, 3),
            },
        };
        if (family == "llama")
        {
            model.Config["attention_bias"] = attentionBias;
            model.Config["mlp_bias"] = mlpBias;
        }
        model.Add(prefix + "embed_tokens.weight", 10, d);
        for (var l = 0; l < layers; l++)
        {
            var layer = $"{prefix}layers.{l}.";
            model.Add(layer + "input_layernorm.weight", d);
            model.Add(layer + "self_attn.q_proj.weight", q, d);
            model.Add(layer + "self_attn.k_proj.weight", kv, d);
            model.Add(layer + "self_attn.v_proj.weight", kv, d);
            model.Add(layer + "self_attn.o_proj.weight", d, q);
            if (attentionBias || family == "qwen2")
            {
                model.Add(layer + "self_attn.q_proj.bias", q);
                model.Add(layer + "self_attn.k_proj.bias", kv);
                model.Add(layer + "self_attn.v_proj.bias", kv);
            }
            if (attentionBias) model.Add(layer + "self_attn.o_proj.bias", d);
            model.Add(layer + "post_attention_layernorm.weight", d);
            model.Add(layer + "mlp.gate_proj.weight", f, d);
            model.Add(layer + "mlp.up_proj.weight", f, d);
            model.Add(layer + "mlp.down_proj.weight", d, f);
            if (!mlpBias) continue;
            model.Add(layer + "mlp.gate_proj.bias", f);
            model.Add(layer + "mlp.up_proj.bias", f);
            model.Add(layer + "mlp.down_proj.bias", d);
        }
        model.Add(prefix + "norm.weight", d);
        model.Add("lm_head.weight", 10, d);
        return model;
    }

    /// <summary>Adds a tensor of values that name their place: 1000 × the tensor's number + the element's.</summary>
    internal void Add(string name, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (var i = 0; i < values.Length; i++) values[i] = 1000 * Tensors.Count + i;
        Tensors.Add(TensorData.F32(name, shape, values));
    }

    internal void Remove(string name) => Tensors.RemoveAll(t => t.Name == name);

    /// <summary>Encodes every tensor in 16 bits; both encodings hold small whole numbers exactly when few bits are left.</summary>
    internal TinyModel As(string type)
    {
        for (var i = 0; i < Tensors.Count; i++)
        {
            var random = new Random(i);
            var bits = new ushort[Tensors[i].Bytes.Length / 4];
            for (var j = 0; j < bits.Length; j++)
            {
                var value = random.Next(-128, 128) / 64f;
                bits[j] = type == "F16"
                    ? BitConverter.HalfToUInt16Bits((Half)value)
                    : (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
            }
            Tensors[i] = TensorData.Bits16(Tensors[i].Name, type, Tensors[i].Shape, bits);
        }
        return this;
    }

    internal void Write(string directory)
    {
        File.WriteAllText(Path.Combine(directory, "config.json"), Config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(directory, "model.safetensors"), Tensors);
    }

    /// <summary>Writes shards of a few tensors each, and their index.</summary>
    internal JsonObject WriteShards(string directory, int shards)
    {
        File.WriteAllText(Path.Combine(directory, "config.json"), Config.ToJsonString());
        var map = new JsonObject();
        for (var s = 0; s < shards; s++)
        {
            var name = $"model-{s + 1:00000}-of-{shards:00000}.safetensors";
            var part = Tensors.Where((_, i) => i % shards == s).ToList();
            SafetensorsWriter.Write(Path.Combine(directory, name), part);
            foreach (var tensor in part) map.Add(tensor.Name, name);
        }
        var index = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 1 }, ["weight_map"] = map };
        File.WriteAllText(Path.Combine(directory, "model.safetensors.index.json"), index.ToJsonString());
        return index;
    }
}
